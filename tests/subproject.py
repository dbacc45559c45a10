#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A project uses libawait as a subproject, through the wrap file, offline. It builds the C library, its plug-ins, and
little else. Its program finds the subproject's plug-ins from the build folder, without environment variables; and
also when installed, and when the installation is moved. If it is linked statically, it finds them in `meson devenv`.

usage: subproject.py MESON WRAP_FILE
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
STEPS_MAX = 160  # the library has about a hundred sources

MESON_BUILD = '''
project('parent', 'c')
await_dep = dependency('libawait')
executable('parent', 'parent.c', dependencies: await_dep, install: true, install_rpath: '$ORIGIN/../lib')
'''

PROGRAM = r'''
#include <await/await.h>
#include <stdio.h>

static aw_status body(void *ud) {
	(void)ud;
	aw_status status = aw_sleep(AW_MILLISECOND);
	if (status >= 0) printf("slept on %s\n", aw_loop_backend(aw_loop_current()));
	return status;
}

int main(int argc, char **argv) {
	const char *backend = argc > 1 ? argv[1] : NULL;
	char why[2048];
	aw_status status = aw_backend_explain(backend, why, sizeof why);
	printf("%s\n", why);
	aw_loop *loop;
	if (status < 0) return 3; /* known, but it can't run here */
	status = aw_loop_new(backend, &loop);
	if (status < 0) return 1;
	aw_task *task;
	status = aw_task_spawn(loop, body, NULL, NULL, &task);
	if (status >= 0) status = aw_loop_run_until_complete(loop, aw_task_future(task), NULL);
	aw_task_unref(task);
	aw_loop_unref(loop);
	return status < 0;
}
'''

passed = failed = skipped = 0


def check(what, good, text=''):
    global passed, failed
    passed += bool(good)
    failed += not good
    if not good:
        print(f'FAILED: {what}\n{text}')
    return good


def run(*command, **options):
    env = {name: value for name, value in os.environ.items() if not name.startswith('AWAIT_') and name not in ('LD_LIBRARY_PATH', 'DESTDIR')}
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, env=env, **options)


def ignore(folder, names):
    """Files that are not sources or not needed by a subproject."""
    return [name for name in names if name.startswith('.git') or name.startswith('build') or name in ('target', '__pycache__', 'bindings', '.cache')]


def check_backends(where, program, plugins, *before):
    """Runs the program on each plug-in. One that the kernel doesn't support must still be found."""
    global skipped
    for backend in ['epoll', *plugins]:
        result = run(*before, program, backend)
        if backend != 'epoll':
            check(f'{where}: {backend} is found', 'no such backend' not in result.stdout, result.stdout + result.stderr)
        if result.returncode == 3 and 'no such backend' not in result.stdout:
            print(f'skipped: {where}: {result.stdout.strip()}')
            skipped += 1
            continue
        check(f'{where}: {backend} runs', result.returncode == 0 and f'slept on {backend}' in result.stdout, result.stdout + result.stderr)


def make_parent(folder, wrap):
    parent = folder / 'parent'
    (parent / 'subprojects').mkdir(parents=True)
    (parent / 'meson.build').write_text(MESON_BUILD)
    (parent / 'parent.c').write_text(PROGRAM)
    # The sources that the wrap would fetch are already there.
    shutil.copy(wrap, parent / 'subprojects' / 'libawait.wrap')
    shutil.copytree(ROOT, parent / 'subprojects' / 'libawait', ignore=ignore)
    return parent


def main():
    meson, wrap = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix='await-subproject-') as name:
        folder = pathlib.Path(name)
        parent, build = make_parent(folder, wrap), folder / 'build'
        result = run(meson, 'setup', build, parent, '--wrap-mode=nodownload', f'--prefix={folder}/prefix', '--libdir=lib', '-Dbuildtype=debug')
        if check('it is configured', result.returncode == 0, result.stdout + result.stderr):
            steps = run('ninja', '-C', build, '-t', 'commands', 'all').stdout.splitlines()
            check('few steps are needed', 0 < len(steps) <= STEPS_MAX, f'{len(steps)} steps')
            print(f'{len(steps)} steps')
            result = run('ninja', '-C', build)
            check('it is built', result.returncode == 0, result.stdout[-4000:])
            check('without a warning', 'warning:' not in result.stdout, result.stdout[-4000:])
            plugins = sorted(path.name.split('-')[-1].removesuffix('.so') for path in (build / 'subprojects/libawait/backends').glob('libawait-backend-*.so'))
            check('there are plug-ins', plugins)
            check_backends('in the build folder', build / 'parent', plugins)

            result = run(meson, 'install', '-C', build, '--quiet')
            check('it is installed', result.returncode == 0, result.stdout + result.stderr)
            (folder / 'prefix').rename(folder / 'moved')
            check_backends('installed, and moved', folder / 'moved/bin/parent', plugins)

            build = folder / 'static'
            result = run(meson, 'setup', build, parent, '--wrap-mode=nodownload', '-Ddefault_library=static', '-Dbuildtype=debug')
            result = run('ninja', '-C', build) if result.returncode == 0 else result
            check('it is built statically', result.returncode == 0, result.stdout[-4000:])
            needed = run('readelf', '-d', build / 'parent').stdout
            check('it needs no libawait.so', 'libawait' not in needed, needed)
            check_backends('statically, in devenv', build / 'parent', plugins, meson, 'devenv', '-C', build)
    print(f'{passed} passed, {failed} failed' + (f', {skipped} skipped' if skipped else ''))
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
