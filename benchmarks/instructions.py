#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Counts the instructions of the hot paths under callgrind, which are the same on every run, and compares them with instructions.csv.

usage: instructions.py PROGRAM [--write] [PATH…]    (PROGRAM: bench-instructions of a release build)
       instructions.py PROGRAM --growth             only how the counts grow

Exit status: 1 if a path takes over 3 % more than is recorded; --write records the counts, which is how a change says that it means it. Also 1 if an
operation takes more the more there are of its kind: 5,000 may cost as much each as 50, and where the order of timers matters, as much more as a heap
of that size is deeper.
"""
import csv
import math
import pathlib
import re
import subprocess
import sys
import tempfile

RECORD = pathlib.Path(__file__).with_name('instructions.csv')
GROWTH = 1.03
COUNT = 5000
NOT_INSTALLED = 77
# What an operation may take beyond the first size's count, or beyond the depth of the heap: an iteration's share, and the trimming of the pools.
MARGIN = 1.25
LOGARITHMIC = ', logarithmic'


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


def growth(program):
    """(what, is it logarithmic, {size: the instructions of an operation}) of each path; or why there are none."""
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder, 'out')
        command = ['valgrind', '--tool=callgrind', '--combine-dumps=yes', f'--callgrind-out-file={out}', program, '--growth']
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode:
            return result.stderr.strip().splitlines()[-1] if result.returncode == NOT_INSTALLED else sys.exit(result.stderr)
        text = out.read_text()
    counted = {}
    for what, size, count, total in re.findall(r'^desc: Trigger: Client Request: ([^\n]*)\t(\d+)\t(\d+)$.*?^totals: (\d+)$', text, re.M | re.S):
        counted.setdefault(what, {}).setdefault(int(size), {})[int(count)] = int(total)
    paths = []
    for what, sizes in counted.items():
        each = {}
        for size, totals in sizes.items():
            (few, before), (many, after) = sorted(totals.items())
            each[size] = round((after - before) / (many - few))
        paths.append((what.removesuffix(LOGARITHMIC), what.endswith(LOGARITHMIC), each))
    return paths


def grows(is_logarithmic, each):
    """Whether the largest size costs more than it may."""
    least, most = min(each), max(each)
    allowed = math.log(most) / math.log(least) if is_logarithmic else 1
    return each[most] > each[least] * allowed * MARGIN


def check_growth(program):
    """The number of paths that pass and of those that fail."""
    paths = growth(program)
    if isinstance(paths, str):
        print(paths)
        return 0, 1
    failed = 0
    for what, is_logarithmic, each in paths:
        bad = grows(is_logarithmic, each)
        failed += bad
        shown = ''.join(f'{count:7}' for count in each.values())
        print(f'{what:50}{shown}  {"logarithmic" if is_logarithmic else "flat"}{"  GREW" if bad else ""}')
    return len(paths) - failed, failed


def main(program, *options):
    if '--growth' in options:
        passed, failed = check_growth(program)
        print(f'{passed} passed, {failed} failed')
        return failed > 0 or not passed
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
    passed = len(chosen) - failed
    if chosen == list(paths):
        more = check_growth(program)
        passed, failed = passed + more[0], failed + more[1]
    print(f'{passed} passed, {failed} failed')
    return failed > 0


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
