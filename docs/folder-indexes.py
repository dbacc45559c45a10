#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The indexes in examples/README.md and conformance/README.md: each program with what its first comment says.

usage: folder-indexes.py            checks
       folder-indexes.py --write    writes them anew
"""
import pathlib
import re
import sys

import manual

ROOT = pathlib.Path(__file__).resolve().parent.parent
BEGIN, END = '<!-- index -->\n', '<!-- end of the index -->\n'
# The subject of a statement about asyncio, by the letter in its number: see conformance/coverage.py.
SUBJECTS = {'L': 'The loop', 'F': 'Futures', 'T': 'Tasks', 'G': 'gather', 'S': 'shield', 'W': 'wait_for', 'O': 'timeout', 'K': 'Task groups',
            'A': 'wait and as_completed', 'Y': 'Locks and their kin', 'Q': 'Queues', 'R': 'run and signals', 'P': 'Subprocesses', 'H': 'Threads and debug mode', 'N': 'Sockets, transports and protocols', 'X': 'Streams and servers'}


def told(path):
    """The first comment after the licence: of a program its first sentence, of a case all of it, without its number."""
    comment = re.search(r'\*/\s*/\*(.*?)\*/', path.read_text(encoding='utf-8'), re.S)
    if not comment:
        sys.exit(f'{path.relative_to(ROOT)}: no comment says what it shows')
    text = ' '.join(re.sub(r'^\s*\* ?', '', line).strip() for line in comment[1].splitlines()).strip()
    text = re.sub(r'^(?:[A-Z]\d+(?:,? (?:and )?)?)+: ', '', text)
    return manual.sentences(text)[0]


def cell(text):
    """As a sentence, and without markup but code between backticks."""
    if not re.match(r'\w+[_(.]', text):
        text = text[0].upper() + text[1:]
    return text.replace('|', '\\|') if '`' in text else re.sub(r'([*_<>|])', r'\\\1', text)


def table(paths, folder):
    rows = [f'| [{path.relative_to(folder).with_suffix("")}]({path.relative_to(folder)}) | {cell(told(path))} |' for path in paths]
    return '\n'.join(['| program | what it shows |', '|---|---|', *rows]) + '\n'


def examples(folder):
    return {'examples': table(sorted(folder.glob('*.c')) + sorted(folder.glob('*/*.c')), folder)}


def conformance(folder):
    cases = sorted((folder / 'cases').rglob('*.c'), key=lambda path: path.name)
    documents = [path for path in cases if not path.name.startswith('trap_')]
    parts = [f'### Programs of the documents ({len(documents)})\n\n' + table(documents, folder)]
    for letter, subject in SUBJECTS.items():
        found = [path for path in cases if re.match(f'trap_{letter}', path.name)]
        parts.append(f'### {subject} ({len(found)})\n\n' + table(found, folder))
    return {'conformance': '\n'.join(parts)}


def main():
    passed = failed = 0
    for name, text in {**examples(ROOT / 'examples'), **conformance(ROOT / 'conformance')}.items():
        readme = ROOT / name / 'README.md'
        old = readme.read_text(encoding='utf-8')
        new = re.sub(re.escape(BEGIN) + '.*?' + re.escape(END), lambda _: f'{BEGIN}\n{text}\n{END}', old, flags=re.S)
        if '--write' in sys.argv:
            readme.write_text(new, encoding='utf-8')
        elif new != old or BEGIN not in old:
            failed += 1
            print(f'FAILED: the index of {name}/README.md is not that of the folder: docs/folder-indexes.py --write')
            continue
        passed += 1
    print(f'{passed} passed, {failed} failed')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
