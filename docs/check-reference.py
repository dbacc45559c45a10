#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes the reference with Doxygen, whose warnings are errors. Then each public function has to be in it: in the HTML, and with a manual
page of its own.

usage: check-reference.py DOXYGEN DOXYFILE OUTPUT HEADER…
"""
import pathlib
import re
import subprocess
import sys


def main():
    doxygen, doxyfile = sys.argv[1:3]
    output, headers = pathlib.Path(sys.argv[3]), [pathlib.Path(p) for p in sys.argv[4:]]
    if subprocess.run([doxygen, doxyfile]).returncode:
        print('0 passed, 1 failed')
        return 1
    html = '\n'.join(page.read_text() for page in (output / 'html').glob('*_8h.html'))
    pages = {page.stem for page in (output / 'man' / 'man3').glob('*.3')}
    functions = []
    for header in headers:
        text = re.sub(r'/\*.*?\*/', ' ', header.read_text(), flags=re.S)
        functions += re.findall(r'\bAW_API\b[^;(]*?\b(aw_\w+)\(', text)
    missing = []
    for name in functions:
        if not re.search(rf'>{name}\b', html):
            missing.append(f'{name} is not in the HTML')
        if name not in pages:
            missing.append(f'{name} has no manual page')
    for line in missing:
        print(f'FAILED: {line}')
    print(f'{2 * len(functions) - len(missing)} passed, {len(missing)} failed')
    return 1 if missing or not functions else 0


if __name__ == '__main__':
    sys.exit(main())
