#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Counts the instructions of the hot paths under callgrind, which are the same on every run, and compares them with instructions.csv.

usage: instructions.py PROGRAM [--write] [PATH…]    (PROGRAM: bench-instructions of a release build)

Exit status: 1 if a path takes over 3 % more than is recorded; --write records the counts, which is how a change says that it means it.
"""
import csv
import pathlib
import re
import subprocess
import sys

RECORD = pathlib.Path(__file__).with_name('instructions.csv')
GROWTH = 1.03
COUNT = 5000


def collected(program, path, count):
    command = ['valgrind', '--tool=callgrind', '--callgrind-out-file=/dev/null', program, path, str(count)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r'Collected : (\d+)', result.stderr)
    if result.returncode or not found:
        sys.exit(f'{path}: {result.stderr}')
    return int(found.group(1))


def per_operation(program, path):
    """From two counts, so that the start of the program and of the loop drop out."""
    return round((collected(program, path, 2 * COUNT) - collected(program, path, COUNT)) / COUNT)


def main(program, *options):
    listed = subprocess.run([program], capture_output=True, text=True, check=True).stdout
    paths = dict(line.split('\t') for line in listed.splitlines())
    chosen = [option for option in options if option in paths] or list(paths)
    recorded = {row['path']: int(row['instructions']) for row in csv.DictReader(RECORD.open())} if RECORD.exists() else {}
    counts, failed = {}, 0
    for path in chosen:
        counts[path] = per_operation(program, path)
        before = recorded.get(path)
        bad = before is None or counts[path] > before * GROWTH
        failed += bad
        print(f'{path:16} {counts[path]:6}  {f"recorded {before}" if before else "not recorded":16}{"  GREW" if before and bad else ""}')
    if '--write' in options:
        with RECORD.open('w', newline='') as file:
            writer = csv.writer(file, lineterminator='\n')
            writer.writerow(['path', 'instructions', 'what'])
            writer.writerows((path, counts.get(path, recorded.get(path)), what) for path, what in paths.items())
        failed = 0
    print(f'{len(chosen) - failed} passed, {failed} failed')
    return failed > 0


sys.exit(main(*sys.argv[1:]))
