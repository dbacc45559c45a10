#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes a C table of all cases and their CPython traces, so that an installed runner needs no other file.

usage: embed.py OUTPUT TRACE...    (NAME.expected is the trace of the case NAME.)
"""
import pathlib
import sys


def literal(data):
    """A C string literal of these bytes, with one source line for each line of text."""
    def escaped(byte):
        if byte in b'"\\':
            return '\\' + chr(byte)
        return chr(byte) if 32 <= byte < 127 else f'\\{byte:03o}'
    lines = data.splitlines(keepends=True)
    return '\n\t\t'.join('"' + ''.join(map(escaped, line)) + '"' for line in lines) or '""'


def main():
    output, traces = sys.argv[1], [pathlib.Path(trace) for trace in sys.argv[2:]]
    names = [trace.stem for trace in traces]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        sys.exit(f'duplicate case names: {" ".join(twice)}')
    out = ['/* Made by embed.py. */', '#include "table.h"', '']
    out += [f'extern const conf_case conf_{name};' for name in names]
    out += ['', 'const table_entry table[] = {']
    out += [f'\t{{&conf_{name},\n\t\t{literal(trace.read_bytes())}}},' for name, trace in zip(names, traces)]
    out += ['};', f'const size_t table_count = {len(names)};', '']
    pathlib.Path(output).write_text('\n'.join(out), encoding='ascii')


if __name__ == '__main__':
    main()
