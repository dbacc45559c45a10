#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""docs/asyncio-to-c.md has one row for each public name in asyncio (asyncio-names.txt), and every C name in it is in the headers.

usage: check-asyncio-to-c.py HEADER…
"""
import collections
import pathlib
import re
import sys

DOCS = pathlib.Path(__file__).resolve().parent
ROW = re.compile(r'^\| `([\w.]+)` \| (.*?) \| (.*?) \|$', re.M)
C_NAME = re.compile(r'\b(?:aw|AW)_\w+')
WITHOUT = ('not yet', 'Python only')


def main():
    headers = [pathlib.Path(p) for p in sys.argv[1:]]
    offered = {name for header in headers for name in C_NAME.findall(re.sub(r'/\*.*?\*/', ' ', header.read_text(), flags=re.S))}
    names = [line for line in (DOCS / 'asyncio-names.txt').read_text().splitlines() if line and not line.startswith('#')]
    text = (DOCS / 'asyncio-to-c.md').read_text()
    # The table of additions to asyncio comes before the first heading.
    rows = ROW.findall(text[text.index('\n## '):])
    found = collections.Counter(name for name, _, _ in rows)
    wrong = []
    wrong += [f'no row for {name}' for name in names if not found[name]]
    wrong += [f'{name} is not a public name in asyncio' for name in found if name not in names]
    wrong += [f'{count} rows for {name}' for name, count in found.items() if count > 1]
    wrong += [f'{name} is in no header' for name in sorted(set(C_NAME.findall(text)) - offered)]
    counts = collections.Counter()
    for name, call, _ in rows:
        kind = call if call in WITHOUT else 'offered'
        counts[kind] += 1
        if kind == 'offered' and not C_NAME.search(call):
            wrong.append(f'{name}: "{call}" names nothing')
    for line in wrong:
        print(f'FAILED: {line}')
    print(f'{len(names)} names: ' + ', '.join(f'{counts[kind]} {kind}' for kind in ('offered', *WITHOUT)))
    print(f'{len(names) - len([n for n in names if found[n] != 1])} passed, {len(wrong)} failed')
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
