#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The example echo_server serves many clients at once, survives clients that disconnect early, and exits on a signal.

usage: echo_server.py PROGRAM
"""
import hashlib
import os
import re
import select
import signal
import socket
import subprocess
import sys
import threading

CLIENTS, SIZE = 40, 300_000
wrong = []


def check(condition, text):
    if not condition:
        wrong.append(text)


def attempt(what, *arguments):
    """Reports an exception in a thread as a failure."""
    try:
        what(*arguments)
    except OSError as error:
        wrong.append(f'{what.__name__}{arguments}: {error}')


def client(address, number):
    """Sends and receives at the same time; both directions must carry the same bytes."""
    data = os.urandom(SIZE + number)
    with socket.create_connection(address, timeout=60) as connection:
        sender = threading.Thread(target=lambda: (connection.sendall(data), connection.shutdown(socket.SHUT_WR)))
        sender.start()
        received = hashlib.sha256()
        while part := connection.recv(65536):
            received.update(part)
        sender.join()
    check(received.digest() == hashlib.sha256(data).digest(), f'client {number} did not get the bytes that it sent')


def leaver(address):
    """Sends a lot, reads nothing, and resets the connection."""
    connection = socket.create_connection(address, timeout=60)
    connection.setblocking(False)
    try:
        while True:
            connection.send(b'x' * 65536)
    except BlockingIOError:
        pass
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\1\0\0\0\0\0\0\0')
    connection.close()


def main():
    server = subprocess.Popen([sys.argv[1], '127.0.0.1', '0'], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        select.select([server.stdout], [], [], 60)
        found = re.fullmatch(r'listening on ([\d.]+) port (\d+)\n', server.stdout.readline())
        address = (found[1], int(found[2]))
        threads = [threading.Thread(target=attempt, args=(client, address, number)) for number in range(CLIENTS)]
        threads += [threading.Thread(target=attempt, args=(leaver, address)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        check(server.poll() is None, 'it exited early')
        with socket.create_connection(address):  # a connection that is open when the server exits
            server.send_signal(signal.SIGTERM)
            _, complaint = server.communicate(timeout=60)
        check(server.returncode == 0, f'exit status {server.returncode}')
        check(complaint == '', f'it wrote to stderr: {complaint}')
    finally:
        server.kill()
    for line in wrong:
        print(line)
    print(f'{1 if not wrong else 0} passed, {1 if wrong else 0} failed')
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
