#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Each public header compiles alone, in every C and C++ standard that a user may use, and no parameter or field has the name of
a keyword in a language with generated bindings. Each function has a comment, from which the reference is generated.

usage: check.py HEADER…
"""
import keyword
import pathlib
import re
import shutil
import subprocess
import sys

ABI = pathlib.Path(__file__).resolve().parents[2] / 'abi'
STANDARDS = [('c99', 'c'), ('c11', 'c'), ('c17', 'c'), ('c++17', 'c++'), ('c++20', 'c++')]
COMPILERS = {'c': ['gcc', 'clang'], 'c++': ['g++', 'clang++']}
FLAGS = ['-Wall', '-Wextra', '-Wpedantic', '-pedantic-errors', '-Wshadow', '-Werror', '-fsyntax-only']

GO = 'break case chan const continue default defer else fallthrough for func go goto if import interface map package range return select struct switch type var'
RUBY = 'BEGIN END alias and begin break case class def defined do else elsif end ensure false for if in module next nil not or redo rescue retry return self super then true undef unless until when while yield'
RUST = 'abstract as async await become box break const continue crate do dyn else enum extern false final for if impl in let macro match mod move mut override priv pub ref return self static struct super trait true try type typeof unsafe unsized use virtual where while yield'
OTHER = 'async await type def end in self lambda yield func range map match move'
# `fn` and `loop`, which most signatures here contain, are keywords in Rust, but parameters of a foreign function need no names there.
FORBIDDEN = set(f'{GO} {RUBY} {RUST} {OTHER}'.split()) | set(keyword.kwlist)


def compiles(header, standard, language, compiler):
    source = f'#include <await/{header.name}>\n#include <await/{header.name}>\nint unit_is_not_empty;\n'
    run = subprocess.run([compiler, f'-std={standard}', *FLAGS, f'-I{header.parent.parent}', f'-I{ABI}', '-x', language, '-'],
                         input=source, capture_output=True, text=True)
    if run.returncode:
        print(f'{header.name}: {compiler} -std={standard}:\n{run.stderr}')
    return run.returncode == 0


def names(header):
    """The names of parameters and fields, each with its declaration."""
    text = re.sub(r'/\*.*?\*/', ' ', header.read_text(), flags=re.S)
    text = re.sub(r'^\s*#(?:.*\\\n)*.*$', '', text, flags=re.M)
    for piece in re.split(r'[;{}]', text):
        piece = ' '.join(piece.split())
        # The text between separators ends in a name: parameters, fields, and the function or type itself.
        for part in re.split(r'[(),]', piece):
            words = re.findall(r'[A-Za-z_]\w*', part.split('=')[0])
            if len(words) > 1 or (words and '*' in part):
                yield words[-1], piece


def undocumented(header):
    """Functions without a preceding comment."""
    # A function's attribute may be on a separate line.
    lines = [line for line in header.read_text().splitlines() if not re.fullmatch(r'AW_PRINTF\(.*\)', line)]
    for above, line in zip(lines, lines[1:]):
        if re.match(r'(AW_STACKFUL )?(AW_NODISCARD )?(AW_PRINTF\(.*?\) )?AW_API\b', line) and not above.rstrip().endswith('*/'):
            yield line


def main():
    headers = [pathlib.Path(p).resolve() for p in sys.argv[1:]]
    passed = failed = skipped = 0
    for standard, language in STANDARDS:
        for compiler in COMPILERS[language]:
            if not shutil.which(compiler):
                print(f'skipped: no {compiler} here for {standard}')
                skipped += 1
                continue
            results = [compiles(header, standard, language, compiler) for header in headers]
            passed += all(results)
            failed += not all(results)
    for header in headers:
        bad = [(name, where) for name, where in names(header) if name in FORBIDDEN - {'const', 'void', 'struct', 'extern'}]
        for name, where in bad:
            print(f'{header.name}: "{name}" is a keyword elsewhere: {where}')
        bare = list(undocumented(header))
        for line in bare:
            print(f'{header.name}: no comment before: {line}')
        passed += (not bad) + (not bare)
        failed += bool(bad) + bool(bare)
    print(f'{passed} passed, {failed} failed' + (f', {skipped} skipped' if skipped else ''))
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
