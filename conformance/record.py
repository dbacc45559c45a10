#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the Python program of each case with the interpreter that runs this script, and compares what it prints with the trace in
NAME.expected, or with --record writes it there. The programs run concurrently, since most of them sleep. An older interpreter skips a program
whose header says `# needs 3.N`: it relies on a newer rule of asyncio.

usage: record.py [--check | --record] [--jobs N] [NAME...]
"""
import argparse
import concurrent.futures
import contextlib
import difflib
import os
import pathlib
import re
import signal
import subprocess
import sys

FOLDER = pathlib.Path(__file__).resolve().parent / 'cases'
NEEDS = re.compile(r'^# needs (\d+)\.(\d+)', re.MULTILINE)


def needed(program):
    """The version of Python that the program needs, if this one is too old."""
    match = NEEDS.search(program.read_text(encoding='utf-8'))
    version = tuple(map(int, match.groups())) if match else (0, 0)
    return version if version > sys.version_info[:2] else None


def run(program):
    """Its output, and what is wrong with its exit."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith('PYTHON')}
    environment['PYTHONIOENCODING'] = 'utf-8'
    with subprocess.Popen([sys.executable, program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
                          env=environment, start_new_session=True) as process:
        try:
            printed, complaint = process.communicate(timeout=120)
        except subprocess.TimeoutExpired:
            return b'', 'timed out after 120 seconds'
        finally:
            # Also kills processes that the program left behind.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    return printed, f'exit status {process.returncode}\n{complaint.decode()}' if process.returncode else ''


def check(program, record):
    """Whether the trace matches; prints the differences."""
    expected = program.with_suffix('.expected')
    printed, wrong = run(program)
    if wrong:
        return f'{program.stem}: {wrong}'
    if record:
        expected.write_bytes(printed)
        return ''
    recorded = expected.read_bytes() if expected.exists() else b''
    if printed == recorded:
        return ''
    lines = difflib.unified_diff(recorded.decode().splitlines(), printed.decode().splitlines(), 'recorded', 'printed', lineterm='')
    return '\n'.join([f'{program.stem}: another trace', *lines])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group()
    what.add_argument('--check', action='store_true', help='compare (the default)')
    what.add_argument('--record', action='store_true', help='write the traces')
    parser.add_argument('--jobs', type=int, default=16, help='number of concurrent programs')
    parser.add_argument('name', nargs='*', help='cases (default: all)')
    options = parser.parse_args()
    programs = [program for program in sorted(FOLDER.glob('*/*.py')) if not options.name or program.stem in options.name]
    too_new = {program: needed(program) for program in programs}
    for program, version in too_new.items():
        if version:
            print(f'left out: {program.stem} needs Python {version[0]}.{version[1]}, this is {sys.version.split()[0]}')
    programs = [program for program in programs if not too_new[program]]
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        found = dict(zip(programs, pool.map(lambda program: check(program, options.record), programs)))
    # Concurrent programs may lack a core, which changes what depends on time. Retry these alone.
    for program in [program for program in programs if found[program]]:
        print(f'repeated alone: {program.stem}')
        found[program] = check(program, options.record)
    wrong = [text for text in found.values() if text]
    print(*wrong, sep='\n', end='\n' if wrong else '')
    print(f'{len(programs) - len(wrong)} passed, {len(wrong)} failed')
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
