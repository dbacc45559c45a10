#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The example supervisor shows its children's output line by line, restarts them after growing pauses, and stops them all on a signal.

usage: supervisor.py PROGRAM
"""
import os
import re
import signal
import subprocess
import sys
import time

SERVICES = [
    'short=echo hello; echo oops >&2; exit 3',
    'polite=trap "echo bye; exit 0" TERM; echo polite up $$; while :; do sleep 0.05; done',
    'stubborn=trap "" TERM; echo stubborn up $$; while :; do sleep 1; done',
    'partial=printf "a\\nb"; sleep 0.2; printf "c\\nno newline"',
    'long=head -c 10000 /dev/zero | tr "\\0" x; echo; exec sleep 1000',
    'held=echo held; sleep 3 & exit 0',
]
wrong = []


def check(condition, text):
    if not condition:
        wrong.append(text)


def is_alive(pid):
    try:
        os.kill(pid, 0)
        return True
    except ProcessLookupError:
        return False


def run_supervisor(number):
    """Starts it, reads until enough has happened, stops it with the signal, and returns all lines."""
    server = subprocess.Popen([sys.argv[1], '-g', '0.5', *SERVICES], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    lines = []
    try:
        for line in server.stdout:
            lines.append(line.rstrip('\n'))
            seen = '\n'.join(lines)
            if 'polite up' in seen and 'stubborn up' in seen and seen.count('short | hello') >= 4 and seen.count('no newline') >= 2 \
                    and 'long | ' in seen and 'held ended' in seen:
                break
        begin = time.monotonic()
        server.send_signal(number)
        rest, complaint = server.communicate(timeout=60)
        took = time.monotonic() - begin
        lines += rest.splitlines()
        check(server.returncode == 0, f'exit status {server.returncode}')
        check(complaint == '', f'it wrote to stderr: {complaint!r}')
        check(took >= 0.5, f'stubborn was killed after {took} s')
    finally:
        server.kill()
        server.wait()
    return lines


def of(lines, name):
    return [line.partition(' | ')[2] for line in lines if line.startswith(name + ' | ')]


def main():
    for number in (signal.SIGTERM, signal.SIGINT):
        lines = run_supervisor(number)
        pauses = [int(found[1]) for line in lines if (found := re.fullmatch(r'supervisor: short ended with 3, next start in (\d+) ms', line))]
        check(pauses[:3] == [100, 200, 400], f'the pauses of short: {pauses}')
        check(of(lines, 'short')[:4] == ['hello', 'oops', 'hello', 'oops'], f'short said {of(lines, "short")}')
        check(of(lines, 'partial')[:6] == ['a', 'bc', 'no newline'] * 2, f'partial said {of(lines, "partial")}')
        check('bye' in of(lines, 'polite'), f'polite said {of(lines, "polite")}')
        check(''.join(of(lines, 'long')) == 'x' * 10000, 'a long line lost something')
        check(lines[-1] == 'supervisor: all have ended', f'the last line is {lines[-1]!r}')
        for name in ('polite', 'stubborn'):
            pid = int(re.search(r'\d+', of(lines, name)[0])[0])
            check(not is_alive(pid), f'{name} is alive')
    wrong_use = subprocess.run([sys.argv[1], 'nothing'], capture_output=True, text=True, timeout=60)
    check(wrong_use.returncode == 1 and 'no NAME=COMMAND: nothing' in wrong_use.stderr, f'wrong use: {wrong_use}')
    for line in wrong:
        print(line)
    print(f'{1 if not wrong else 0} passed, {1 if wrong else 0} failed')
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
