#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""docs/cancellation.md: what a cancellation does to each call that waits, as its comment in the header says.

usage: cancellation.py            checks
       cancellation.py --write    writes it anew
"""
import pathlib
import re
import sys

DOCS = pathlib.Path(__file__).resolve().parent
HEADERS = DOCS.parent / 'abi' / 'await'
HEAD = '''# What a cancellation does

A task is cancelled at what it awaits. This page says for each call what has happened then, to its object and to its data. It is made from the
headers by `docs/cancellation.py --write`.

Three rules hold for all of them:

* The call returns `AW_ECANCELLED` only when nothing uses the caller's memory any more: a buffer on the stack is safe.
* The object stays usable, and the next call continues where the cancelled one was, unless the table says otherwise.
* A result that was there before the cancellation was delivered is given to the next call, or taken back; it is not lost.

What is left out has nothing that could be lost: a cancelled wait has not happened.
'''


def calls(text):
    """(name, cancellation) of each function that has such a part. A `_coro` twin without one does what its stackful form does."""
    for comment, name in re.findall(r'/\*\*((?:(?!\*/).)*?)\*/\s*(?:AW_\w+(?:\([^)]*\))?\s+)*AW_API[^;(]*?\b(aw_\w+)\s*\(', text, re.S):
        body = re.sub(r'^\s*\* ?', '', comment, flags=re.M)
        part = re.search(r'^Cancellation: (.*?)(?:\n\n|\Z)', body, re.S | re.M)
        if part:
            yield name, re.sub(r'::(\w+)|\b(aw_\w+\(\))', r'`\1\2`', ' '.join(part[1].split()).replace('|', '\\|'))


def page():
    out = [HEAD]
    for header in sorted(HEADERS.glob('*.h')):
        rows = [f'| `{name}` | {text[0].upper() + text[1:]} |' for name, text in calls(header.read_text(encoding='utf-8'))]
        if rows:
            out.append('\n'.join([f'## <await/{header.name}>'.replace('<', '`<').replace('>', '>`'), '', '| call | when it is cancelled |', '|---|---|', *rows, '']))
    return '\n'.join(out)


def main():
    path = DOCS / 'cancellation.md'
    if '--write' in sys.argv[1:]:
        path.write_text(page(), encoding='utf-8')
    same = path.exists() and path.read_text(encoding='utf-8') == page()
    if not same:
        print('FAILED: docs/cancellation.md is not what the headers say: docs/cancellation.py --write')
    print(f'{int(same)} passed, {int(not same)} failed')
    return 0 if same else 1


if __name__ == '__main__':
    sys.exit(main())
