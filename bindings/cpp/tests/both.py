#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs several test programs and adds up their closing lines. usage: both.py PROGRAM…"""
import re
import subprocess
import sys

totals = [0, 0, 0]
for program in sys.argv[1:]:
    run = subprocess.run([program], stdout=subprocess.PIPE, text=True)
    print(run.stdout, flush=True)
    closing = re.search(r'(\d+) passed, (\d+) failed(?:, (\d+) skipped)?\s*$', run.stdout)
    counts = [int(n or 0) for n in closing.groups()] if closing else [0, 1, 0]
    if run.returncode and not counts[1]:
        counts[1] = 1
    totals = [a + b for a, b in zip(totals, counts)]
print(f'{totals[0]} passed, {totals[1]} failed' + (f', {totals[2]} skipped' if totals[2] else ''))
sys.exit(1 if totals[1] else 0)
