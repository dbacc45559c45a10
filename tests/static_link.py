#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A program linked with libawait.a runs without libawait.so.

usage: static_link.py PROGRAM
"""
import os
import subprocess
import sys

CASES = ['it_needs_no_shared_libawait', 'it_runs_on_a_built_in_backend']


def main():
    program = sys.argv[1]
    needed = subprocess.run(['readelf', '-d', program], check=True, capture_output=True, text=True).stdout
    right = {CASES[0]: 'libawait' not in needed}
    env = {k: v for k, v in os.environ.items() if not k.startswith('AWAIT_')}
    run = subprocess.run([program, '-v'], env=env, capture_output=True, text=True)
    right[CASES[1]] = run.returncode == 0 and 'backend: epoll' in run.stdout
    if not right[CASES[1]]:
        print(run.stdout, run.stderr, run.returncode)
    for case in CASES:
        print(f'  {case}: {"passed" if right[case] else "FAILED"}')
    failed = sum(not ok for ok in right.values())
    print(f'{len(CASES) - failed} passed, {failed} failed')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
