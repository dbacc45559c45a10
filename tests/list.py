#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Lists the CUnit programs FOLDER/NAME.c, one per line: the name of the test, its file, and the labels in the comment on its second line.

  backends         run on every backend (AWAIT_BACKEND says which); without it, run once, since it needs no loop or chooses its backend
  real-time        not under virtual time
  system-calls     not on uring: replaces system calls that the ring makes unneeded
  threads          uses several threads: run by `./dev sanitize tsan`
  valgrind         run by `./dev valgrind`
  valgrind-once    so, on one backend only: long, and what it looks at has nothing of a backend (ASan sees it on each)
  internal         includes private headers
  portable-switch  also built with the portable context switch
  tsan-user        a program with ThreadSanitizer that uses a library without it
  seconds=N        the time limit, if 60 is not enough
"""
import pathlib
import re
import sys

KNOWN = {'backends', 'real-time', 'system-calls', 'threads', 'valgrind', 'valgrind-once', 'internal', 'portable-switch', 'tsan-user'}
here = pathlib.Path(__file__).resolve().parent
core = {folder.name for folder in (here.parent / 'core').iterdir() if folder.is_dir()}
adapters = {folder.name for folder in (here.parent / 'adapters').iterdir() if folder.is_dir()}
names = {}
for source in sorted(here.glob('*/*.c')):
    folder = source.parent.name
    if folder not in core | adapters:
        continue
    # Prefixed with the folder's name, since their file names alone are not clear.
    name = f'process_{source.stem}' if folder == 'process' else source.stem
    labels = re.search(r'\A/\* SPDX[^\n]*\n/\* Labels: ([^*]*) \*/', source.read_text())
    labels = labels.group(1).split() if labels else []
    unknown = [label for label in labels if label not in KNOWN and not re.fullmatch(r'seconds=\d+', label)]
    if unknown:
        sys.exit(f'{source}: unknown label: {" ".join(unknown)}')
    if name in names:
        sys.exit(f'{source}: {names[name]} has the same name')
    names[name] = source
    if folder in adapters:
        labels.append(folder)  # the library that it needs
    print(name, f'{folder}/{source.name}', *labels)
