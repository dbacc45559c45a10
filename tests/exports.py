#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""libawait.so exports exactly what the headers declare, each symbol with its version; and a plug-in exports only its entry
function and imports nothing from libawait.

usage: exports.py --headers FOLDER LIBRARY PLUGIN…
"""
import argparse
import pathlib
import re
import subprocess
import sys

VERSION = re.compile(r'LIBAWAIT_(TLS_)?\d+(\.\d+)*$')
ENTRY = 'aw_backend_entry'
# Symbols that some linkers add in spite of the version script.
LINKER = {'_init', '_fini', '__bss_start', '_edata', '_end'}


def declared(headers):
    names = set()
    for header in sorted(headers.glob('*.h')):
        text = re.sub(r'/\*.*?\*/', ' ', header.read_text(), flags=re.S)
        text = re.sub(r'^\s*#.*$', '', text, flags=re.M)
        names.update(re.findall(r'\bAW_API\b[^;()]*?\b(aw_\w+)\s*\(', text))
    return names


def symbols(path, *options):
    out = subprocess.run(['nm', '-D', *options, path], check=True, capture_output=True, text=True).stdout
    found = {}
    for line in out.splitlines():
        kind, name = line.split()[-2:]
        name, _, version = name.partition('@')
        if kind != 'A':  # skip the version names themselves
            found[name] = version.lstrip('@')
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--headers', type=pathlib.Path, required=True)
    parser.add_argument('library')
    parser.add_argument('plugins', nargs='*')
    args = parser.parse_args()
    sanitized = 'asan' in subprocess.run(['nm', '-D', args.library], capture_output=True, text=True).stdout

    passed = failed = 0

    def check(what, wrong):
        nonlocal passed, failed
        if wrong:
            failed += 1
            print(f'{what}: {", ".join(sorted(wrong))}')
        else:
            passed += 1

    wanted = declared(args.headers)
    exported = symbols(args.library, '--defined-only')
    check('no function found in the headers', set() if wanted else {str(args.headers)})
    check('declared and not exported', wanted - exported.keys())
    check('exported and not declared', exported.keys() - wanted - LINKER)
    check('exported without a version', {n for n in exported.keys() & wanted if not VERSION.match(exported[n])})
    for plugin in args.plugins:
        name = pathlib.Path(plugin).name
        mine = {n for n in symbols(plugin, '--defined-only') if not (sanitized and n.startswith('__'))}
        check(f'{name}: not exported', {ENTRY} - mine)
        check(f'{name}: exported beside the entry', mine - {ENTRY} - LINKER)
        check(f'{name}: imported from libawait', {n for n in symbols(plugin, '--undefined-only') if n.startswith('aw_')})
    print(f'{passed} passed, {failed} failed')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
