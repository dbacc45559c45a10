#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The example log_follower prints every line once, in order, while its files are appended to, rotated, truncated, removed and made.

usage: log_follower.py PROGRAM
"""
import os
import pathlib
import queue
import signal
import subprocess
import sys
import tempfile
import threading

SECONDS = 60
wrong = []


def check(condition, text):
    if not condition:
        wrong.append(text)


class Follower:
    def __init__(self, *paths):
        self.process = subprocess.Popen([sys.argv[1], *map(str, paths)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.lines = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip('\n'))

    def expect(self, *lines):
        """The next lines. It waits for each, so that a change that follows comes after it was seen."""
        for line in lines:
            try:
                found = self.lines.get(timeout=SECONDS)
            except queue.Empty:
                found = None
            check(found == line, f'it printed {found!r}, not {line!r}')
            if found is None:
                break


def append(path, text):
    with open(path, 'a') as file:
        file.write(text)


def main():
    with tempfile.TemporaryDirectory() as folder:
        a, b = pathlib.Path(folder) / 'a.log', pathlib.Path(folder) / 'sub' / 'b.log'
        b.parent.mkdir()
        append(a, 'old line\n')
        follower = Follower(a, b)
        try:
            follower.expect('following 2 files')
            append(a, 'one\ntwo\n')
            follower.expect(f'{a}: one', f'{a}: two')
            append(b, 'appeared\n')
            follower.expect(f'{b}: appeared')
            append(a, 'a line in ')
            append(a, 'two parts\n')
            follower.expect(f'{a}: a line in two parts')
            # Rotated while a line is written just before, and the new file has lines at once.
            for turn in range(20):
                append(a, f'before {turn}\n')
                a.rename(f'{a}.{turn}')
                append(f'{a}.{turn}', f'late {turn}\n')
                append(a, f'after {turn}\n')
                follower.expect(f'{a}: before {turn}', f'{a}: late {turn}', f'{a}: after {turn}')
            # Replaced by a rename over it.
            append(f'{a}.new', 'replaced\n')
            os.replace(f'{a}.new', a)
            follower.expect(f'{a}: replaced')
            # Truncated, and written to again.
            append(a, 'long ' * 20 + '\n')
            follower.expect(f'{a}: ' + 'long ' * 20)
            os.truncate(a, 0)
            append(a, 'short\n')
            follower.expect(f'{a}: short')
            # Removed, and made again.
            b.unlink()
            append(b, 'again\n')
            follower.expect(f'{b}: again')
            lines = [f'line {number}' for number in range(5000)]
            append(b, '\n'.join(lines) + '\n')
            follower.expect(*(f'{b}: {line}' for line in lines))
            check(follower.lines.empty(), 'it printed more')
            follower.process.send_signal(signal.SIGTERM)
            check(follower.process.wait(timeout=SECONDS) == 0, f'exit status {follower.process.returncode}')
            complaint = follower.process.stderr.read()
            check(complaint == '', f'it wrote to stderr: {complaint}')
        finally:
            follower.process.kill()
    for line in wrong[:20]:
        print(line)
    print(f'{1 if not wrong else 0} passed, {1 if wrong else 0} failed')
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
