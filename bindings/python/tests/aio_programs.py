#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The programs that the conformance cases were taken from (the documents' examples and the statements about asyncio), run unchanged on
libawait.aio in the place of asyncio. Each has to print what CPython printed, also where the rule is of a CPython newer than this one.

usage: aio_programs.py [--jobs N] [NAME…]

AWAIT_BACKEND says on which backend. What is left out stands in aio_programs_left_out.txt, each with its reason.
"""
import argparse
import concurrent.futures
import difflib
import fnmatch
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = pathlib.Path(os.environ.get('AWAIT_TEST_SOURCE', HERE.parents[2]))
CASES = SOURCE / 'conformance' / 'cases'
BACKEND = os.environ.get('AWAIT_BACKEND', 'epoll')


def left_out():
    """[(backend pattern, name pattern, reason)]"""
    lines = (line.strip() for line in (HERE / 'aio_programs_left_out.txt').read_text(encoding='utf-8').splitlines())
    return [line.split(' ', 2) for line in lines if line and not line.startswith('#')]


def run(program):
    """What is wrong, or ''."""
    environment = {name: value for name, value in os.environ.items() if name in ('PYTHONPATH', 'PYTHONDONTWRITEBYTECODE') or not name.startswith('PYTHON')}
    environment['PYTHONIOENCODING'] = 'utf-8'
    try:
        done = subprocess.run([sys.executable, HERE / 'aio_facade.py', program], capture_output=True, timeout=120, stdin=subprocess.DEVNULL,
                              env=environment, check=False)
    except subprocess.TimeoutExpired:
        return f'{program.stem}: not over after 120 seconds'
    expected = program.with_suffix('.expected').read_text(encoding='utf-8')
    printed = done.stdout.decode()
    if printed == expected and done.returncode == 0:
        return ''
    lines = difflib.unified_diff(expected.splitlines(), printed.splitlines(), 'CPython', f'libawait.aio on {BACKEND}', lineterm='')
    return '\n'.join([f'{program.stem}: exit status {done.returncode}', *lines, done.stderr.decode()[-1500:]])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--jobs', type=int, default=8)
    parser.add_argument('names', nargs='*')
    options = parser.parse_args()
    rules = left_out()
    programs, out = [], 0
    for program in sorted(CASES.glob('*.py')):
        if options.names and program.stem not in options.names:
            continue
        out_by = next((rule for rule in rules if fnmatch.fnmatchcase(BACKEND, rule[0]) and fnmatch.fnmatchcase(program.stem, rule[1])), None)
        if out_by and not options.names:
            out += 1
        else:
            programs.append(program)
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        wrong = [text for text in pool.map(run, programs) if text]
    print('\n'.join(wrong))
    print(f'{BACKEND}: {len(programs) - len(wrong)} programs print what CPython prints, {out} left out')
    print(f'{len(programs) - len(wrong)} passed, {len(wrong)} failed')
    return 1 if wrong or not programs else 0


if __name__ == '__main__':
    sys.exit(main())
