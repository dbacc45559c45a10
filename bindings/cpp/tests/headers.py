#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Each header compiles alone and twice, and <await/await.hpp>, which includes them all, with each compiler and standard that a user may
have. What a header misses depends on the standard, whose library both compilers share: so each standard compiles the headers alone with
one compiler, and each compiler with one standard. A header that needs another library is not in <await/await.hpp>, and compiles everywhere.

usage: headers.py --include FOLDER [--include FOLDER…] [--apart NAME…] HEADER…
"""
import argparse
import concurrent.futures
import functools
import itertools
import os
import pathlib
import re
import shutil
import subprocess
import sys

ALONE = {('g++', 'c++20'), ('clang++', 'c++17')}
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
        alone = (compiler, standard) in ALONE or not all(map(shutil.which, ('g++', 'clang++')))
        headers = [header for header in args.headers if alone or header.name in ('await.hpp', *args.apart)]
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            told = pool.map(functools.partial(compiles, compiler, standard, folders=args.include), headers)
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
