#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the table of all cases, each with the trace that CPython printed, as C: an installed runner needs no other file.

usage: embed.py OUTPUT CASES-FOLDER NAME...    (A case in the folder that is not named, or lacks its trace, is an error.)
"""
import pathlib
import sys


def literal(data):
    """A C string of these bytes, one source line for each of the text."""
    def escaped(byte):
        if byte in b'"\\':
            return '\\' + chr(byte)
        return chr(byte) if 32 <= byte < 127 else f'\\{byte:03o}'
    lines = data.splitlines(keepends=True)
    return '\n\t\t'.join('"' + ''.join(map(escaped, line)) + '"' for line in lines) or '""'


def main():
    output, folder, names = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3:]
    unnamed = sorted({path.stem for path in folder.glob('*.c')} - set(names))
    if unnamed:
        sys.exit(f'in no list: {" ".join(unnamed)}')
    out = ['/* Made by embed.py. */', '#include "table.h"', '']
    out += [f'extern const conf_case conf_{name};' for name in names]
    out += ['', 'const table_entry table[] = {']
    out += [f'\t{{&conf_{name},\n\t\t{literal((folder / (name + ".expected")).read_bytes())}}},' for name in names]
    out += ['};', f'const size_t table_count = {len(names)};', '']
    pathlib.Path(output).write_text('\n'.join(out), encoding='ascii')


if __name__ == '__main__':
    main()
