#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The commands of libawait-gdb.py, in a process that gdb has stopped and in the core file that it leaves.

usage: check.py --gdb GDB --script libawait-gdb.py --target PROGRAM
"""
import argparse
import pathlib
import re
import resource
import subprocess
import sys
import tempfile

CALLS = ['aw_sleep', 'sleeps_below', 'sleeps_below', 'sleeps_below', 'holder', 'stackful_entry']


def functions(text, name):
    """The backtrace of this task, innermost call first."""
    part = re.search(rf'^{name} (.*)\n((?:  #.*\n)+)', text, re.MULTILINE)
    return (part.group(1), re.findall(r'^  #\d+ +(?:0x\w+ in )?(\w+)', part.group(2), re.MULTILINE)) if part else ('', [])


def check(text):
    """The problems in the output of `await tasks` and `await bt`."""
    if not re.search(r'^Task-1 running$', text, re.MULTILINE):
        yield 'the running task is not listed'
    awaits, calls = functions(text, 'holder')
    if not awaits.startswith('awaits sleep') or calls[calls.index('aw_sleep') if 'aw_sleep' in calls else 0:][:len(CALLS)] != CALLS:
        yield f'holder {awaits}: {calls}'
    awaits, calls = functions(text, 'waiter')
    if not awaits.startswith('awaits lock') or 'aw_lock_acquire' not in calls or 'waiter' not in calls or 'holder' in calls:
        yield f'waiter {awaits}: {calls}'


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--gdb', required=True)
    parser.add_argument('--script', required=True)
    parser.add_argument('--target', required=True, type=pathlib.Path)
    options = parser.parse_args()
    gdb = [options.gdb, '-q', '-batch', '-nx', '-iex', 'set debuginfod enabled off']
    look = ['-ex', f'source {options.script}', '-ex', 'await tasks', '-ex', 'await bt']
    run = subprocess.run([*gdb, '-ex', 'run', *look, '-ex', 'kill', options.target.resolve()], capture_output=True, text=True)
    wrong = [f'a process: {what}' for what in check(run.stdout)]
    passed, skipped = not wrong, 0
    if wrong:
        print(run.stdout, run.stderr, sep='\n')
    with tempfile.TemporaryDirectory() as folder:
        hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
        subprocess.run([options.target.resolve()], cwd=folder, capture_output=True,
                       preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (hard, hard)))
        cores = list(pathlib.Path(folder).glob('core*'))
        if cores:
            run = subprocess.run([*gdb, *look, options.target.resolve(), cores[0]], capture_output=True, text=True)
            found = [f'a core file: {what}' for what in check(run.stdout)]
            if found:
                print(run.stdout, run.stderr, sep='\n')
            passed += not found
            wrong += found
        else:
            pattern = pathlib.Path('/proc/sys/kernel/core_pattern').read_text().strip()
            print(f'    skipped: no core file found: core_pattern is {pattern}')
            skipped = 1
    print(*wrong, sep='\n', end='\n' if wrong else '')
    print(f'{passed} passed, {len(wrong)} failed' + (f', {skipped} skipped' if skipped else ''))
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
