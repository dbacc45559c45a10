#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Adds up the closing lines ("N passed, N failed[, N skipped]") of all tests of one `meson test` run, and prints the sum as the
last line. A test that fails without a closing line, or lacks it, counts as one failure.

usage: total.py TESTLOG.json    (Exit status: 1 if anything failed; with CI=true also if anything was skipped.)
"""
import json
import os
import re
import sys

CLOSING = re.compile(r'(\d+) passed, (\d+) failed(?:, (\d+) skipped)?\s*$')


def outcome(test):
    """(passed, failed, skipped, problem)"""
    lines = test.get('stdout', '').rstrip().splitlines()
    match = CLOSING.match(lines[-1].strip()) if lines else None
    if not match:
        return 0, 1, 0, f'{test["result"].lower()}, without its closing line'
    passed, failed, skipped = (int(n or 0) for n in match.groups())
    if test['returncode'] not in (0, 77) and not failed:
        return passed, 1, skipped, f'{test["result"].lower()}, exit status {test["returncode"]} after its closing line'
    if not passed + failed + skipped:
        return 0, 1, 0, 'ran no case'
    return passed, failed, skipped, ''


def suites_of(test):
    """meson writes "project:suite+suite / name"."""
    return test['name'].split(' / ')[0].rpartition(':')[2].split('+') if ' / ' in test['name'] else []


def matrix(tests):
    """The result lines of each binding's cases on each backend. Such a test is LANGUAGE-BACKEND in the suites "bindings" and "backend-BACKEND"."""
    cells, backends = {}, []
    for test in tests:
        name = test['name'].split(' / ')[-1]
        language, _, backend = name.rpartition('-')
        suites = suites_of(test)
        if not language or 'bindings' not in suites or f'backend-{backend}' not in suites:
            continue
        passed, failed, skipped, _ = outcome(test)
        cells.setdefault(language, {})[backend] = f'{passed}' + (f' ({failed} failed)' if failed else '') + (f' ({skipped} skipped)' if skipped else '')
        if backend not in backends:
            backends.append(backend)
    if not cells:
        return []
    rows = [['', *backends]] + [[language, *(row.get(backend, '-') for backend in backends)] for language, row in sorted(cells.items())]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ['the bindings\' cases, passed:'] + ['  '.join(text.ljust(width) for text, width in zip(row, widths)).rstrip() for row in rows]


def main():
    totals = [0, 0, 0]
    bad, reasons = [], []
    with open(sys.argv[1], encoding='utf-8', errors='replace') as log:
        tests = [json.loads(line) for line in log if line.strip()]
    for test in tests:
        *counts, wrong = outcome(test)
        totals = [a + b for a, b in zip(totals, counts)]
        name = test['name'].split(' / ')[-1]
        stdout = test.get('stdout', '')
        if counts[1]:
            bad.append((name, wrong, stdout, test.get('stderr', '')))
        reasons += [f'{name}: {line.strip()}' for line in stdout.splitlines() if line.strip().startswith('skipped:')]
        if 'conformance' in test['name'].split(' / ')[0]:
            print(stdout.rstrip())
    for line in matrix(tests):
        print(line)
    for test in tests:
        lines = test.get('stdout', '').splitlines()
        if 'bindings' in suites_of(test):
            reasons += [line for line in lines if line.startswith('CPython ') and ' tests on ' in line]
    for name, wrong, stdout, stderr in bad:
        print(f'--- {name}{": " + wrong if wrong else ""}')
        print('\n'.join((stdout + stderr).rstrip().splitlines()[-60:]))
    for reason in reasons:
        print(reason)
    if bad:
        print('failed:', ' '.join(name for name, *_ in bad))
    if not tests:
        print('no test ran')
        totals[1] += 1
    print(f'{totals[0]} passed, {totals[1]} failed' + (f', {totals[2]} skipped' if totals[2] else ''))
    return 1 if totals[1] or (totals[2] and os.environ.get('CI') == 'true') else 0


if __name__ == '__main__':
    sys.exit(main())
