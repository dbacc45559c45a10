#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Lists the CUnit programs, FOLDER/NAME.c each, one a line: the name of the test, its file, and the labels of the comment in its second line.

  backends         once on every backend (AWAIT_BACKEND says which); without it once, since it needs no loop or chooses for itself
  real-time        not on virtual time
  threads          more than one thread is in it: run by `./dev sanitize tsan`
  valgrind         run by `./dev valgrind`
  internal         sees the private headers
  portable-switch  built once more on the portable context switch
  tsan-user        a program under ThreadSanitizer with a library that is not
  seconds=N        may take so long, where 60 is not enough
"""
import pathlib
import re
import sys

KNOWN = {'backends', 'real-time', 'threads', 'valgrind', 'internal', 'portable-switch', 'tsan-user'}
here = pathlib.Path(__file__).resolve().parent
core = {folder.name for folder in (here.parent / 'core').iterdir() if folder.is_dir()}
names = {}
for source in sorted(here.glob('*/*.c')):
    folder = source.parent.name
    if folder not in core:
        continue
    # Of a process there is much to say: the folder's name makes these tests' names clear.
    name = f'process_{source.stem}' if folder == 'process' else source.stem
    labels = re.search(r'\A/\* SPDX[^\n]*\n/\* Labels: ([^*]*) \*/', source.read_text())
    labels = labels.group(1).split() if labels else []
    unknown = [label for label in labels if label not in KNOWN and not re.fullmatch(r'seconds=\d+', label)]
    if unknown:
        sys.exit(f'{source}: unknown label: {" ".join(unknown)}')
    if name in names:
        sys.exit(f'{source}: {names[name]} has the same name')
    names[name] = source
    print(name, f'{folder}/{source.name}', *labels)
