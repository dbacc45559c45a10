#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes the front page of the reference from README: without the other languages' examples, with the list of
the headers.

usage: mainpage.py README OUTPUT HEADER…
"""
import pathlib
import re
import sys

import manual


def main():
    readme, output = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    text = readme.read_text()
    text = re.sub(r'^The same program in each:.*?<!-- examples -->.*?<!-- end of the examples -->\n', '', text, flags=re.S | re.M)
    text = text.replace('# libawait\n', '', 1)
    # What a link leads to is a file of the source, which is not part of the reference.
    text = re.sub(r'\[([^\]]+)\]\((?!https?:)([^)]+)\)', lambda m: m.group(1) if m.group(1) in (m.group(2), f'`{m.group(2)}`') else f'{m.group(1)} (`{m.group(2)}`)', text)
    reference = manual.read_headers(sys.argv[3:])
    headers = ''.join(f'| @ref {name} "<await/{name}>" | {brief.replace("::", "")} |\n' for name, brief in reference.briefs.items())
    program = text.index('## A program')
    index = f'## The headers\n\n| header | what is in it |\n|---|---|\n{headers}\n'
    output.write_text(f'@mainpage libawait\n\n{text[:program]}{index}{text[program:]}')


if __name__ == '__main__':
    sys.exit(main())
