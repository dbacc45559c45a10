#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes the reference with Doxygen, whose warnings are errors. Then each public function has to be in it, and
its front page must be filled.

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
    front = (output / 'html' / 'index.html').read_text()
    html = '\n'.join(page.read_text() for page in (output / 'html').glob('*_8h.html'))
    functions = []
    for header in headers:
        text = re.sub(r'/\*.*?\*/', ' ', header.read_text(), flags=re.S)
        functions += re.findall(r'\bAW_API\b[^;(]*?\b(aw_\w+)\(', text)
    missing = []
    for name in functions:
        if not re.search(rf'>{name}\b', html):
            missing.append(f'{name} is not in the HTML')
    # What README says, the program, and the way to each header.
    wanted = ['event loop', 'aw_task_spawn', 'Backends', *(header.stem + '_8h.html' for header in headers)]
    missing += [f'the front page lacks {what}' for what in wanted if what not in front]
    for line in missing:
        print(f'FAILED: {line}')
    print(f'{len(functions) + len(wanted) - len(missing)} passed, {len(missing)} failed')
    return 1 if missing or not functions else 0


if __name__ == '__main__':
    sys.exit(main())
