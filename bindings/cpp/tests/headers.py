#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Each header compiles alone and twice, with each compiler and standard that a user may have, and <await/await.hpp>
includes them all, except those that need another library.

usage: headers.py --include FOLDER [--include FOLDER…] [--apart NAME…] HEADER…
"""
import argparse
import concurrent.futures
import itertools
import os
import pathlib
import re
import shutil
import subprocess
import sys

WARNINGS = ['-Wall', '-Wextra', '-Wpedantic', '-Wshadow', '-Wconversion', '-Werror', '-fsyntax-only']


def compiles(compiler, standard, header, folders):
    source = f'#include <await/{header.name}>\n#include <await/{header.name}>\nint unit_is_not_empty;\n'
    includes = [f'-I{folder}' for folder in folders]
    done = subprocess.run([compiler, f'-std={standard}', *WARNINGS, *includes, '-x', 'c++', '-'], input=source,
                          capture_output=True, text=True)
    return '' if done.returncode == 0 else f'{header.name}: {compiler} -std={standard}:\n{done.stderr[-4000:]}'


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--include', action='append', required=True)
    parser.add_argument('--apart', action='append', default=[], help='what <await/await.hpp> does not include')
    parser.add_argument('headers', nargs='+', type=pathlib.Path)
    args = parser.parse_args()
    passed = failed = skipped = 0
    for compiler, standard in itertools.product(('g++', 'clang++'), ('c++17', 'c++20')):
        if not shutil.which(compiler):
            print(f'skipped: no {compiler} here for {standard}')
            skipped += 1
            continue
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            told = pool.map(lambda header: compiles(compiler, standard, header, args.include), args.headers)
            wrong = [text for text in told if text]
        print(*wrong, sep='\n', end='\n' if wrong else '')
        passed += not wrong
        failed += bool(wrong)
    whole = next(header for header in args.headers if header.name == 'await.hpp')
    included = set(re.findall(r'^#include <await/(.*\.hpp)>', whole.read_text(), flags=re.M))
    beside = {path.name for path in whole.parent.glob('*.hpp')} - {whole.name}
    listed = {header.name for header in args.headers} - {whole.name}
    for what, names in (('not in await.hpp', beside - included - set(args.apart)), ('in await.hpp', included & set(args.apart)), ('not in meson.build', beside - listed)):
        if names:
            print(f'{what}: {", ".join(sorted(names))}')
        passed += not names
        failed += bool(names)
    print(f'{passed} passed, {failed} failed' + (f', {skipped} skipped' if skipped else ''))
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
