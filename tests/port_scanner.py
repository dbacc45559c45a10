#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The example port_scanner finds the open ports among many in order, gives up on those that do not answer, and shows its progress on a terminal.

usage: port_scanner.py PROGRAM
"""
import os
import pty
import re
import socket
import subprocess
import sys

# An address of its own: every port is scanned, and the servers of other tests must not get a client that sends nothing.
ADDRESS = f'127.1.{os.getpid() >> 8 & 255}.{os.getpid() & 255}'
wrong = []


def check(condition, text):
    if not condition:
        wrong.append(text)


def scan(*arguments, **options):
    options.setdefault('stderr', subprocess.PIPE)
    return subprocess.run([sys.argv[1], *map(str, arguments)], stdout=subprocess.PIPE, text=True, timeout=100, **options)


def listeners():
    """Three that answer, in a range of ports that holds others as well."""
    for first in range(20000, 30000, 137):
        found = []
        try:
            for port in (first + 90, first, first + 41):
                found.append(socket.create_server((ADDRESS, port)))
            return first, found
        except OSError:
            for one in found:
                one.close()
    raise OSError('no ports are free')


def full_listener():
    """A listener whose queue is full answers no connect any more."""
    listener = socket.socket()
    listener.bind((ADDRESS, 0))
    listener.listen(0)
    waiting = []
    for _ in range(5):
        one = socket.socket()
        one.setblocking(False)
        one.connect_ex(listener.getsockname())
        waiting.append(one)
    return listener, waiting


def open_ports(text):
    return [int(port) for port in re.findall(r'^(\d+) open$', text, re.M)]


def main():
    first, found = listeners()
    done = scan(ADDRESS, first, first + 99, 7)
    ports = sorted(one.getsockname()[1] for one in found)
    check(done.returncode == 0, f'exit status {done.returncode}')
    check([port for port in open_ports(done.stdout) if port in ports] == ports, f'{ports} are open, not {done.stdout!r}')
    check(open_ports(done.stdout) == sorted(open_ports(done.stdout)), f'not in order: {done.stdout!r}')
    counts = re.search(r'^(\d+) open, (\d+) closed, (\d+) silent$', done.stdout, re.M)
    check(counts and sum(map(int, counts.groups())) == 100, f'the counts: {done.stdout!r}')
    check(done.stderr == '', f'without a terminal it wrote {done.stderr!r}')

    listener, waiting = full_listener()
    port = listener.getsockname()[1]
    done = scan(ADDRESS, port, port, 1, 200)
    check(done.stdout == '0 open, 0 closed, 1 silent\n', f'a port without an answer: {done.stdout!r}')

    master, terminal = pty.openpty()
    done = scan('localhost', 1, 3000, 50, stderr=terminal)
    os.close(terminal)
    shown = os.read(master, 65536).decode()
    check(done.returncode == 0, f'exit status {done.returncode}')
    check('\r3000 of 3000 ports' in shown, f'the progress: {shown!r}')

    many = scan(ADDRESS, 1, 65535, 2000, 5000)
    check(set(ports) <= set(open_ports(many.stdout)), 'an open port is missing among all')
    few = subprocess.run(['sh', '-c', 'ulimit -n 30; exec "$0" "$1" 1 2000 500', sys.argv[1], ADDRESS], capture_output=True, text=True, timeout=100)
    check(few.returncode == 0, f'with few descriptors: {few.returncode}, {few.stderr!r}')

    check(scan(ADDRESS, 0, 5).returncode == 1, 'port 0 was accepted')
    check(scan(ADDRESS, 9, 5).returncode == 1, 'an empty range was accepted')
    check(scan(ADDRESS).returncode == 2, 'two arguments are missing, and it ran')
    for line in wrong:
        print(line)
    print(f'{1 if not wrong else 0} passed, {1 if wrong else 0} failed')
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
