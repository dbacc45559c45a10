#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The example dns_client prints what a server answers, asks again when it does not, and is not fooled by what others send.

usage: dns_client.py PROGRAM
"""
import socket
import subprocess
import sys

import dns_server

GOOD = {
    'A': ['{} A 192.0.2.1', '{} A 192.0.2.2'],
    'AAAA': ['{} AAAA 2001:db8::1'],
    'MX': ['{} MX 10 mail.{}'],
}
wrong = []
passed = 0


def run(port, *arguments, seconds='0.5'):
    command = [sys.argv[1], '-s', '127.0.0.1', '-p', str(port), '-t', seconds, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    return done.returncode, sorted(done.stdout.splitlines()), done.stderr


def check(what, got, want):
    global passed
    if got == want:
        passed += 1
    else:
        wrong.append(f'{what}: {got}, not {want}')


def main():
    port = dns_server.Server().port
    every = sorted(line.format('good.test', 'good.test') for lines in GOOD.values() for line in lines)
    check('good.test', run(port, 'good.test', seconds='5'), (0, every, ''))
    check('good.test.', run(port, 'GOOD.test.', 'mx', seconds='5'), (0, ['GOOD.test MX 10 mail.GOOD.test'], ''))
    check('alias.test', run(port, 'alias.test', 'A', seconds='5'),
          (0, sorted(['alias.test CNAME good.test', 'good.test A 192.0.2.1', 'good.test A 192.0.2.2']), ''))
    for name in ('noise.test', 'echo.test', 'flaky.test'):
        check(name, run(port, name, 'A'), (0, [line.format(name) for line in GOOD['A']], ''))
    check('v4.test', run(port, 'v4.test', 'AAAA', seconds='5'), (0, [], ''))
    check('long.test', run(port, 'long.test', 'A', seconds='5'), (0, ['long.test: the answer was too long for a datagram'], ''))
    for name, kind, seconds, told in (
        ('missing.test', 'A', '5', 'missing.test: no such name'),
        ('slow.test', 'A', '0.05', '127.0.0.1 does not answer'),
        ('loop.test', 'A', '5', 'a malformed answer'),
        ('short.test', 'A', '5', 'a malformed answer'),
        ('random.test', 'A', '5', 'a malformed answer'),
        ('a..test', 'A', '5', 'not a name: a..test'),
        ('x' * 64, 'A', '5', 'not a name: ' + 'x' * 64),
        ('good.test', 'SOA', '5', 'unknown type: SOA'),
    ):
        code, lines, complaint = run(port, name, kind, seconds=seconds)
        check(name, (code, lines, told in complaint), (1, [], True))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unused:
        unused.bind(('127.0.0.1', 0))
        nobody = unused.getsockname()[1]
    code, _, complaint = run(nobody, 'good.test', 'A')
    check('nobody', (code, 'refused' in complaint), (1, True))
    for line in wrong:
        print(line)
    print(f'{passed} passed, {len(wrong)} failed')
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
