#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The example awaitable_library prints its sums, and the timeout of the third.

usage: awaitable_library.py PROGRAM
"""
import subprocess
import sys

WANTED = 'first: 10\nsecond: 10\nthird: AW_ETIMEOUT\n'


def main():
    done = subprocess.run([sys.argv[1]], capture_output=True, text=True, timeout=60)
    right = done.returncode == 0 and done.stdout == WANTED and done.stderr == ''
    if not right:
        print(f'exit status {done.returncode}, stdout {done.stdout!r}, stderr {done.stderr!r}')
    print(f'{int(right)} passed, {int(not right)} failed')
    return 0 if right else 1


if __name__ == '__main__':
    sys.exit(main())
