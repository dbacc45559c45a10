#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""README shows the first example of each language exactly as in its folder.

usage: readme-examples.py            checks
       readme-examples.py --write    updates README
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
README = ROOT / 'README.md'
EXAMPLES = (
    ('C++', 'cpp', 'bindings/cpp/examples/first_example.cpp'),
    ('Go', 'go', 'bindings/go/examples/first_example/main.go'),
    ('Python, on libawait.aio', 'python', 'bindings/python/examples/aio_first_example.py'),
    ('Python, asyncio on libawait\'s loop', 'python', 'bindings/python/examples/first_example.py'),
    ('Ruby', 'ruby', 'bindings/ruby/examples/first_example.rb'),
    ('Rust', 'rust', 'bindings/rust/libawait/examples/first_example.rs'),
)
BEGIN, END = '<!-- examples -->\n', '<!-- end of the examples -->\n'


def shown():
    parts = []
    for title, language, path in EXAMPLES:
        text = (ROOT / path).read_text(encoding='utf-8')
        text = '\n'.join(line for line in text.split('\n') if 'SPDX-License-Identifier' not in line and not line.startswith('#!')).strip('\n')
        parts.append(f'<details><summary>{title}</summary>\n\n```{language}\n{text}\n```\n\n`{path}`\n</details>\n')
    return '\n'.join(parts)


def main():
    text = README.read_text(encoding='utf-8')
    wanted = f'{BEGIN}\n{shown()}\n{END}'
    if '--write' in sys.argv:
        if END not in text:
            text = text.replace(BEGIN, BEGIN + END)
        README.write_text(re.sub(re.escape(BEGIN) + '.*?' + re.escape(END), lambda _: wanted, text, flags=re.S), encoding='utf-8')
        return 0
    holds = wanted in text
    if not holds:
        print('README.md does not show the examples as they are: docs/readme-examples.py --write')
    print(f'{int(holds)} passed, {int(not holds)} failed')
    return 0 if holds else 1


if __name__ == '__main__':
    sys.exit(main())
