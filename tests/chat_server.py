#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The example chat_server: names, comings and goings, what is said, a member who does not read, long lines, the end.

usage: chat_server.py PROGRAM
"""
import re
import select
import signal
import socket
import subprocess
import sys

wrong = []


def check(condition, text):
    if not condition:
        wrong.append(text)


class Member:
    def __init__(self, address, *names):
        self.socket = socket.create_connection(address, timeout=60)
        self.file = self.socket.makefile('r', encoding='utf-8')
        self.expect('Your name?')
        for name in names:
            self.say(name)

    def say(self, line):
        self.socket.sendall(line.encode() + b'\r\n')

    def expect(self, line):
        got = self.file.readline()
        check(got == line + '\n', f'{got!r} came, not {line!r}')

    def leave(self):
        self.file.close()
        self.socket.close()


def check_talk(address):
    alice = Member(address, 'alice')
    alice.say('/who')
    alice.expect('alice')
    bob = Member(address, 'not a name', 'alice', 'bob')
    bob.expect('Up to 20 letters, digits, - and _, please.')
    bob.expect('That name is taken.')
    alice.expect('* bob has joined')
    bob.say('/who')
    bob.expect('bob, alice')
    bob.say('hello\x07 there')
    alice.expect('bob: hello? there')
    alice.say('hi')
    bob.expect('alice: hi')
    carol = Member(address, 'carol')
    alice.expect('* carol has joined')
    bob.expect('* carol has joined')
    carol.say('x' * 5000)
    carol.expect('That line is too long.')
    alice.expect('* carol has left')
    bob.expect('* carol has left')
    bob.say('/quit')
    check(bob.file.readline() == '', 'it did not let bob go')
    alice.expect('* bob has left')
    for one in alice, bob, carol:
        one.leave()


def check_slow_member(address):
    """One who does not read is dropped; the others get everything."""
    talker, reader = Member(address, 'talker'), Member(address, 'reader')
    talker.expect('* reader has joined')
    slow = Member(address, 'slow')
    talker.expect('* slow has joined')
    reader.expect('* slow has joined')
    line = 'y' * 900
    for number in range(100_000):
        talker.say(f'{number} {line}')
        got = reader.file.readline()
        if got == '* slow has left: too slow\n':
            break
        check(got == f'talker: {number} {line}\n', f'line {number}: {got!r}')
    else:
        check(False, 'a slow member was not dropped')
    talker.expect('* slow has left: too slow')
    for one in talker, reader, slow:
        one.leave()


def main():
    server = subprocess.Popen([sys.argv[1], '127.0.0.1', '0'], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        select.select([server.stdout], [], [], 60)
        found = re.fullmatch(r'chatting on 127\.0\.0\.1 port (\d+)\n', server.stdout.readline())
        address = ('127.0.0.1', int(found[1]))
        check_talk(address)
        check_slow_member(address)
        last = Member(address, 'last')
        last.say('/who')
        last.expect('last')
        server.send_signal(signal.SIGTERM)
        last.expect('* the server stops')
        check(last.file.readline() == '', 'the connection stays open')
        last.leave()
        _, complaint = server.communicate(timeout=60)
        check(server.returncode == 0, f'exit status {server.returncode}')
        check(complaint == '', f'it wrote to stderr: {complaint}')
    finally:
        server.kill()
    for line in wrong[:20]:
        print(line)
    print(f'{1 if not wrong else 0} passed, {1 if wrong else 0} failed')
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
