#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Draws core/'s folders and which of them each uses, as core/meson.build has them for the compiler: docs/images/folders.dot. Without --write:
whether that file is as it would be written. An arrow that follows from others is left out.
"""
import argparse
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PICTURE = ROOT / 'docs' / 'images' / 'folders.dot'


def folders():
    """(name, what it uses), lowest first."""
    table = re.search(r'^core_folders = \[\n(.*?)^\]', (ROOT / 'core' / 'meson.build').read_text(), re.DOTALL | re.MULTILINE).group(1)
    for name, uses in re.findall(r"\['(\w+)', \[(.*?)\]\]", table):
        yield name, re.findall(r"'(\w+)'", uses)


def picture():
    uses = dict(folders())
    lines = ['// Made by docs/folders.py from core/meson.build.', 'digraph folders {',              '\trankdir=BT; ranksep=0.35; bgcolor="transparent";',
             '\tnode [shape=box, style="rounded,filled", fillcolor="#f4f6fa", color="#5b6b8c", fontname="Helvetica", fontsize=12];',
             '\tedge [color="#5b6b8c", arrowsize=0.7];']
    for name, direct in uses.items():
        lead = (ROOT / 'core' / name / 'README.md').read_text().split('\n\n')[1].replace('\n', ' ')
        lines.append(f'\t{name} [tooltip="{lead}"];')
        beyond = {far for near in direct for far in uses[near]}
        # Arrows point down, to what is used.
        lines += [f'\t{near} -> {name} [dir=back];' for near in direct if near not in beyond]
    return '\n'.join([*lines, '}', ''])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--write', action='store_true')
    if parser.parse_args().write:
        PICTURE.write_text(picture())
    same = PICTURE.exists() and PICTURE.read_text() == picture()
    if not same:
        print(f'{PICTURE.relative_to(ROOT)} is not what core/meson.build says: docs/folders.py --write')
    print(f'{int(same)} passed, {int(not same)} failed')
    return 0 if same else 1


if __name__ == '__main__':
    sys.exit(main())
