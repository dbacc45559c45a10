# SPDX-License-Identifier: MIT
"""The extension and the library under AddressSanitizer and UndefinedBehaviorSanitizer: our own tests, and CPython's.

Both are built again in a separate folder, since unsanitized processes can't load a sanitized library.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

TESTS = pathlib.Path(__file__).resolve().parent
SOURCE = TESTS.parents[2]


def library(compiler, name):
    found = subprocess.run([compiler, f'-print-file-name={name}'], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    return found if os.path.isabs(found) else None


def main():
    compiler = shutil.which('gcc')
    runtime = compiler and library(compiler, 'libasan.so')
    if not runtime:
        print('skipped: gcc has no libasan here\n0 passed, 0 failed, 1 skipped')
        return 77
    clean = {name: value for name, value in os.environ.items() if not name.startswith(('PYTHON', 'LD_', 'AWAIT_', 'PKG_'))}
    passed = failed = 0
    with tempfile.TemporaryDirectory() as folder:
        options = ['-Dtests=false', '-Dexamples=false', '-Dtools=false', '-Dmanual=false', '-Dtls=disabled', '-Dcares=disabled', '-Dpython=enabled', *(f'-D{other}=disabled' for other in ('cpp', 'go', 'ruby', 'rust', 'uv', 'ev', 'uring'))]
        # As in `./dev sanitize`: less is optimised away, and the compiler takes half the time.
        setup = ['meson', 'setup', folder, str(SOURCE), '-Db_sanitize=address,undefined', '-Db_lundef=false', '-Doptimization=1', '-Dc_args=-g1', *options]
        listed = ['ninja', '-C', folder, '-t', 'targets', 'all']
        # The package, and the library, which it is linked with. The extension _raw takes long to compile, and is not used here.
        build = ['sh', '-c', f'"$@" | sed -n "/\\.p\\//d; s|^\\(bindings/python/libawait/.*\\): .*|\\1|p" | xargs ninja -C {folder} -j2', 'sh', *listed]
        for command in (setup, build):
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**clean, 'CC': compiler}, check=False)
            if done.returncode:
                print(done.stdout[-4000:])
                print('0 passed, 1 failed')
                return 1
        environment = {
            **clean, 'LD_PRELOAD': f'{runtime}:{library(compiler, "libubsan.so")}:{library(compiler, "libstdc++.so")}', 'PYTHONMALLOC': 'malloc',
            'PYTHONPATH': f'{folder}/bindings/python', 'LD_LIBRARY_PATH': f'{folder}/core', 'AWAIT_BACKEND_PATH': f'{folder}/backends',
            # CPython itself doesn't free everything at exit.
            'ASAN_OPTIONS': 'detect_leaks=0:abort_on_error=0:exitcode=99', 'UBSAN_OPTIONS': 'halt_on_error=1:print_stacktrace=1',
        }
        for command in (['run.py', str(TESTS / 'test_loop.py')],
                        ['cpython_suite.py', 'events', 'sock_lowlevel', 'subprocess', 'streams', 'runners', 'timeouts'],
                        ['test_aio.py'], ['aio_suite.py', '--slow']):
            done = subprocess.run([sys.executable, str(TESTS / command[0]), *command[1:]], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                  env=environment, check=False)
            counts = re.search(r'^(\d+) passed, (\d+) failed', done.stdout, re.MULTILINE)
            # A child that a sanitizer has ended is visible only in its output.
            bad = done.returncode or not counts or re.search(r'AddressSanitizer|runtime error:', done.stdout)
            print(done.stdout if bad else done.stdout.splitlines()[-1])
            passed += int(counts.group(1)) if counts else 0
            failed += (int(counts.group(2)) if counts else 0) or bool(bad)
    print(f'{passed} passed, {failed} failed')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
