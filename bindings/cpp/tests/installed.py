#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Installs this build into a separate folder and uses the header from there, through pkg-config: each compiler and standard that a user may
have compiles it without a warning, and the first example prints what CPython prints. usage: installed.py --build FOLDER --source FOLDER"""
import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

WARNINGS = ['-Wall', '-Wextra', '-Wpedantic', '-Wshadow', '-Wconversion', '-Wnon-virtual-dtor', '-Woverloaded-virtual', '-Werror']
# Templates are looked at only where they are used, and the tests use everything.
PROGRAMS = {'c++17': ['test_callbacks.cpp', 'test_stackful.cpp', 'test_stackful_io.cpp'], 'c++20': ['test_stackful.cpp', 'test_stackful_io.cpp', 'test_coroutines.cpp', 'test_streams.cpp', 'test_files.cpp', 'cases.cpp']}

totals = {'passed': 0, 'failed': 0, 'skipped': 0}


def tell(name, outcome, why=''):
    totals[outcome] += 1
    print(f'{outcome}: {name}' + (f': {why}' if why else ''), flush=True)


def run(name, command, **kwargs):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **kwargs)
    if done.returncode:
        tell(name, 'failed', f'{" ".join(map(str, command))}\n{done.stdout[-4000:]}')
    return done


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--build', type=pathlib.Path, required=True)
    parser.add_argument('--source', type=pathlib.Path, required=True)
    args = parser.parse_args()
    folder = args.source / 'bindings' / 'cpp'
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        env = dict(os.environ, DESTDIR=str(work / 'root'))
        if run('install', ['meson', 'install', '-C', args.build, '--no-rebuild', '--tags', 'devel,runtime'], env=env).returncode:
            return
        found = list((work / 'root').rglob('libawait.pc'))
        if len(found) != 1 or not list((work / 'root').rglob('await.hpp')):
            tell('install', 'failed', 'no libawait.pc or no await.hpp')
            return
        tell('install', 'passed')
        env = dict(os.environ, PKG_CONFIG_PATH='', PKG_CONFIG_LIBDIR=str(found[0].parent), PKG_CONFIG_SYSROOT_DIR=str(work / 'root'),
                   LD_LIBRARY_PATH=str(found[0].parent.parent))
        env.pop('AWAIT_BACKEND_PATH', None)
        env.pop('AWAIT_BACKEND', None)
        flags = run('pkg-config', ['pkg-config', '--cflags', '--libs', 'libawait'], env=env).stdout.split()
        compile_flags = [flag for flag in flags if not flag.startswith(('-l', '-L'))]
        for compiler in ('g++', 'clang++'):
            if not shutil.which(compiler):
                tell(compiler, 'skipped', 'not there')
                print(f'skipped: there is no {compiler}')
                continue
            for standard, files in PROGRAMS.items():
                for file in files:
                    name = f'{file} with {compiler} -std={standard}'
                    command = [compiler, f'-std={standard}', '-fsyntax-only', *WARNINGS, '-DAWAIT_CASES=""', folder / 'tests' / file,
                               *compile_flags]
                    if run(name, command, env=env).returncode == 0:
                        tell(name, 'passed')
            name = f'first example with {compiler}'
            program = work / f'first-{compiler}'
            command = [compiler, '-std=c++20', '-O2', *WARNINGS, '-o', program, folder / 'examples' / 'first_example.cpp', *flags]
            if run(name, command, env=env).returncode:
                continue
            printed = run(name, [program], env=env)
            expected = (args.source / 'conformance' / 'cases' / 'documents' / 's000_01_subprocess_timeout.expected').read_text()
            if printed.returncode == 0:
                right = printed.stdout == expected
                tell(name, 'passed' if right else 'failed', '' if right else printed.stdout)


main()
print(f'{totals["passed"]} passed, {totals["failed"]} failed' + (f', {totals["skipped"]} skipped' if totals['skipped'] else ''))
sys.exit(1 if totals['failed'] else 0)
