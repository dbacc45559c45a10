#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The conformance programs run unchanged and print what CPython printed: on libawait's loop with CPython's tasks or, with --aio, on
libawait.aio in place of asyncio.

They are conformance/cases/TOPIC/NAME.py with NAME.expected. cases_left_out.txt and aio_cases_left_out.txt list those left out, each with its
reason. The header of a program says if it needs the semantics of a newer CPython, which libawait.aio has.

usage: cases.py [--aio] [--jobs N] [NAME...]
"""
import argparse
import concurrent.futures
import contextlib
import difflib
import fnmatch
import functools
import os
import pathlib
import re
import signal
import subprocess
import sys

import libawait

HERE = pathlib.Path(__file__).resolve().parent
CASES = HERE.parents[2] / 'conformance' / 'cases'


def left_out(name):
    for line in (HERE / name).read_text().splitlines():
        if line.strip() and not line.startswith('#'):
            yield line.split(None, 2)


def needed(program):
    match = re.search(r'^# needs (\d+)\.(\d+)', program.read_text(encoding='utf-8'), re.MULTILINE)
    version = tuple(map(int, match.groups())) if match else (0, 0)
    return f'needs Python {version[0]}.{version[1]}' if version > sys.version_info[:2] else None


def run(launcher, program):
    """What is wrong, or ''."""
    environment = {**os.environ, 'PYTHONIOENCODING': 'utf-8'}
    with subprocess.Popen([sys.executable, HERE / launcher, program], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          stdin=subprocess.DEVNULL, env=environment, start_new_session=True) as process:
        try:
            printed, complaint = process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            return 'not over after 60 seconds'
        finally:
            # Also removes what the program leaves behind.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    expected = program.with_suffix('.expected').read_bytes()
    if process.returncode:
        return f'exit status {process.returncode}\n{complaint.decode()}'
    lines = difflib.unified_diff(expected.decode().splitlines(), printed.decode().splitlines(), 'CPython', 'libawait', lineterm='')
    return '\n'.join(lines) if printed != expected else ''


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--aio', action='store_true', help='on libawait.aio')
    parser.add_argument('--jobs', type=int, default=12, help='how many at once: in real time they mostly sleep')
    parser.add_argument('name', nargs='*', default=['*'], help='patterns of names')
    options = parser.parse_args()
    with contextlib.closing(libawait.new_event_loop()) as loop:
        backend = loop.backend
    reasons = list(left_out('aio_cases_left_out.txt' if options.aio else 'cases_left_out.txt'))
    start = functools.partial(run, 'aio_facade.py' if options.aio else 'on_our_loop.py')
    programs = []
    for program in sorted(CASES.glob('*/*.py')):
        if not any(fnmatch.fnmatch(program.stem, name) for name in options.name):
            continue
        why = None if options.aio else needed(program)
        why = why or next((reason for on, what, reason in reasons
                                       if fnmatch.fnmatch(backend, on) and fnmatch.fnmatch(program.stem, what)), None)
        if why:
            print(f'left out: {program.stem}: {why}')
        else:
            programs.append(program)
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        found = dict(zip(programs, pool.map(start, programs)))
    # Side by side they may want for a core, and what hangs on time comes out otherwise; alone they don't.
    for program in [program for program in programs if found[program]]:
        print(f'again, alone: {program.stem}\n{found[program]}')
        found[program] = start(program)
    for program in programs:
        if found[program]:
            print(f'{program.stem}: {found[program]}')
    failed = sum(map(bool, found.values())) if programs else 1
    print(f'{len(programs) - sum(map(bool, found.values()))} passed, {failed} failed')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
