# SPDX-License-Identifier: MIT
"""The first example prints what CPython printed, in order of the exits, and leaves no child behind."""
import pathlib
import subprocess
import sys

EXPECTED = 'echo world complete\nsleep 1 && echo hello complete\nsleep 1.5 complete\nsleep 500 timeout\n'
example = pathlib.Path(__file__).resolve().parents[1] / 'examples' / 'first_example.py'
done = subprocess.run([sys.executable, '-X', 'dev', '-W', 'error', str(example)], capture_output=True, text=True, timeout=60, check=False)
good = (done.stdout, done.stderr, done.returncode) == (EXPECTED, '', 0)
short = sum(bool(line.strip()) for line in example.read_text().splitlines() if not line.startswith('#')) <= 21
print(done.stdout, done.stderr, done.returncode, 'short enough' if short else 'too long')
print(f'{good + short} passed, {2 - good - short} failed')
sys.exit(not (good and short))
