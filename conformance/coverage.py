#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Lists the statements about asyncio's semantics that have no case.

The statements are named by a letter for their subject and a number: L the loop, F futures, T tasks, G gather, S shield, W wait_for,
O timeout, K task groups, A wait and as_completed, Y synchronization primitives, Q queues, R run and signals, P subprocesses, X streams,
N transports and sockets, H threads and debug mode. A case trap_L01_L02.c covers both. traps-left-out.txt gives a reason for each
statement without a case. The last line is a count: a statement with neither case nor reason is a failure.
"""
import pathlib
import re
import sys

COUNTS = {'L': 27, 'F': 12, 'T': 25, 'G': 11, 'S': 6, 'W': 9, 'O': 10, 'K': 10, 'A': 9, 'Y': 16, 'Q': 8, 'R': 13, 'P': 16, 'X': 15,
          'N': 12, 'H': 4}


def covered(folder):
    names = set()
    for case in (folder / 'cases').glob('*/trap_*.c'):
        names.update(re.findall(r'[A-Z]\d\d', case.stem))
    return names


def left_out(folder):
    reasons = {}
    path = folder / 'traps-left-out.txt'
    for line in path.read_text().splitlines() if path.exists() else []:
        match = re.match(r'([A-Z]\d\d)(?:-([A-Z]?\d\d))?[:\s]\s*(.+)', line)
        if not match:
            continue
        first, last, reason = match.groups()
        end = int(last[-2:]) if last else int(first[1:])
        for number in range(int(first[1:]), end + 1):
            reasons[f'{first[0]}{number:02}'] = reason
    return reasons


def main():
    folder = pathlib.Path(__file__).resolve().parent
    have, reasons = covered(folder), left_out(folder)
    every = [f'{letter}{number:02}' for letter, count in COUNTS.items() for number in range(1, count + 1)]
    missing = 0
    for name in every:
        if name in have:
            continue
        print(f'{name}: {reasons.get(name, "no case, and no reason")}')
        missing += name not in reasons
    print(f'{len(every)} statements: {sum(name in have for name in every)} with a case, '
          f'{sum(name not in have and name in reasons for name in every)} left out with a reason, {missing} missing')
    print(f'{len(every) - missing} passed, {missing} failed')
    return 1 if missing else 0


if __name__ == '__main__':
    sys.exit(main())
