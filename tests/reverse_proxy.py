#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The example reverse_proxy: bytes both ways, half-closes, resets, servers in turn, servers that do not answer, and TLS outside.

usage: reverse_proxy.py PROGRAM
"""
import contextlib
import hashlib
import http.server
import os
import pathlib
import re
import select
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading

SIZE = 3_000_000
wrong = []


def check(condition, text):
    if not condition:
        wrong.append(text)


def attempt(what, *arguments):
    try:
        what(*arguments)
    except OSError as error:
        wrong.append(f'{what.__name__}{arguments}: {error}')


def read_all(connection):
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    return b''.join(parts)


class Upstream:
    """Answers with its name and a hash, once its client has sent everything; or as it is told."""

    was_reset = threading.Event()  # of any of them

    def __init__(self, name):
        self.name = name
        self.listener = socket.create_server(('127.0.0.1', 0), backlog=100)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self.answer, args=(connection,), daemon=True).start()

    def answer(self, connection):
        with connection:
            try:
                data = read_all(connection)
            except ConnectionResetError:
                self.was_reset.set()
                return
            if data == b'reset':
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
                return
            connection.sendall(self.name + hashlib.sha256(data).digest() + data[::-1])


def exchange(address, number):
    data = os.urandom(SIZE + number)
    with socket.create_connection(address, timeout=60) as connection:
        sender = threading.Thread(target=lambda: (connection.sendall(data), connection.shutdown(socket.SHUT_WR)))
        sender.start()
        answer = read_all(connection)
        sender.join()
    check(answer[1:] == hashlib.sha256(data).digest() + data[::-1], f'client {number} got {len(answer)} other bytes')
    return answer[:1]


class Pages(http.server.BaseHTTPRequestHandler):
    """A web server behind the proxy: it sends the big page, or back what it gets."""

    protocol_version = 'HTTP/1.1'
    page = os.urandom(SIZE)

    def answer(self, body):
        self.send_response(200)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.answer(self.page)

    def do_POST(self):
        self.answer(self.rfile.read(int(self.headers['Content-Length'])))

    def log_message(self, *_):
        pass


def check_tls(folder, upstream):
    """Clients speak TLS, and the servers get plain text."""
    certificate, key, body = str(folder / 'certificate.pem'), str(folder / 'key.pem'), folder / 'body.bin'
    body.write_bytes(os.urandom(SIZE))
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', certificate, '-days', '2', '-subj', '/CN=test',
                    '-addext', 'subjectAltName=IP:127.0.0.1'], check=True, stderr=subprocess.DEVNULL)
    pages = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Pages)
    threading.Thread(target=pages.serve_forever, daemon=True).start()
    for server in f'127.0.0.1:{pages.server_port}', f'127.0.0.1:{upstream.port}':
        proxy = subprocess.Popen([sys.argv[1], '-a', '127.0.0.1', '-p', '0', '-t', certificate, '-k', key, server], stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, text=True)
        try:
            port = int(re.fullmatch(r'TLS proxy on 127\.0\.0\.1 port (\d+)\n', proxy.stdout.readline())[1])
            if server.endswith(str(upstream.port)):
                check_raw_tls(port, certificate)
            else:
                check_curl(port, certificate, body)
            proxy.send_signal(signal.SIGTERM)
            _, complaint = proxy.communicate(timeout=60)
            check(proxy.returncode == 0, f'exit status {proxy.returncode} with TLS')
            check(complaint == '', f'it wrote to stderr: {complaint}')
        finally:
            proxy.kill()
    done = subprocess.run([sys.argv[1], '-t', str(body), server], stderr=subprocess.PIPE, timeout=60, check=False)
    check(done.returncode == 2 and done.stderr, 'a file without a certificate was accepted')


def check_curl(port, certificate, body):
    def curl(*arguments):
        return subprocess.run(['curl', '--silent', '--max-time', '60', *arguments, f'https://127.0.0.1:{port}/'], stdout=subprocess.PIPE, check=False)
    check(curl('--cacert', certificate).stdout == Pages.page, 'curl got another page')
    check(curl('--cacert', certificate, '--data-binary', f'@{body}').stdout == body.read_bytes(), 'curl got other bytes back')
    check(curl().returncode == 60, 'a certificate that nobody vouches for was accepted')


def check_raw_tls(port, certificate):
    context = ssl.create_default_context(cafile=certificate)
    with context.wrap_socket(socket.create_connection(('127.0.0.1', port), timeout=60), server_hostname='127.0.0.1') as connection:
        connection.sendall(b'reset')
        try:
            connection.unwrap()  # ends one direction, and waits for the end of the other
            check(False, 'a reset of the server came as an orderly end of TLS')
        except OSError:
            pass
    with socket.create_connection(('127.0.0.1', port), timeout=60) as connection:  # no TLS
        connection.sendall(b'GET / HTTP/1.1\r\nHost: x\r\n\r\n')
        try:
            check(not read_all(connection).startswith(b'HTTP'), 'it answered plain HTTP')
        except ConnectionResetError:
            pass


def check_silent(upstream):
    """The server whose turn it is does not answer: after a second, the next one gets the client."""
    with contextlib.ExitStack() as stack:
        silent = stack.enter_context(socket.create_server(('127.0.0.1', 0), backlog=0))
        for _ in range(3):  # fill its queue: the kernel then drops further attempts
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(silent.getsockname())
        name = f'127.0.0.1:{silent.getsockname()[1]}'
        proxy = subprocess.Popen([sys.argv[1], '-a', '127.0.0.1', '-p', '0', '-w', '1', name, f'127.0.0.1:{upstream.port}'], stdout=subprocess.PIPE, text=True)
        try:
            address = ('127.0.0.1', int(re.search(r'port (\d+)', proxy.stdout.readline())[1]))
            try:
                check(exchange(address, 0) == upstream.name, 'another server than the next one answered')
            except ConnectionResetError:
                pass  # a busy machine can take more than a second for the next one as well
            proxy.send_signal(signal.SIGTERM)
            log, _ = proxy.communicate(timeout=60)
            check(proxy.returncode == 0, f'exit status {proxy.returncode} with a silent server')
            check(re.search(rf'^{name}: the time limit passed', log, re.M), f'no word about the silent server: {log[:500]}')
        finally:
            proxy.kill()


def main():
    upstreams = [Upstream(b'A'), Upstream(b'B')]
    closed = socket.socket()
    closed.bind(('127.0.0.1', 0))  # and it does not listen: refused, and nobody else's port
    closed_port = closed.getsockname()[1]
    proxy = subprocess.Popen([sys.argv[1], '-a', '127.0.0.1', '-p', '0', '-w', '60', f'127.0.0.1:{upstreams[0].port}', f'127.0.0.1:{closed_port}',
                              f'127.0.0.1:{upstreams[1].port}'], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        select.select([proxy.stdout], [], [], 60)
        found = re.fullmatch(r'proxy on 127\.0\.0\.1 port (\d+)\n', proxy.stdout.readline())
        address = ('127.0.0.1', int(found[1]))
        names = [exchange(address, number) for number in range(4)]
        threads = [threading.Thread(target=attempt, args=(exchange, address, number)) for number in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        # A reset is passed on, in both directions.
        with socket.create_connection(address, timeout=60) as connection:
            connection.sendall(b'reset')
            connection.shutdown(socket.SHUT_WR)
            try:
                check(connection.recv(1) == b'x', 'a reset of the server came as an end')
            except ConnectionResetError:
                pass
        with socket.create_connection(address, timeout=60) as connection:
            connection.sendall(b'some')
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        check(Upstream.was_reset.wait(60), 'a reset of the client was not passed on')
        check(proxy.poll() is None, 'it exited early')
        with socket.create_connection(address):  # open when it exits
            proxy.send_signal(signal.SIGTERM)
            log, complaint = proxy.communicate(timeout=60)
        check(proxy.returncode == 0, f'exit status {proxy.returncode}')
        check(complaint == '', f'it wrote to stderr: {complaint}')
        check(names == [b'A', b'B', b'A', b'B'], f'the turns were {names}: {log[:500]}')
        check(re.search(rf'^127\.0\.0\.1:{closed_port}: .*refused', log, re.M | re.I), f'no word about the closed port: {log[:500]}')
        check(f'127.0.0.1:{upstreams[0].port}: {SIZE} bytes there, {SIZE + 33} back, spliced\n' in log, f'no figures: {log[:500]}')
    finally:
        proxy.kill()
    # None answers: the client is told by a reset.
    proxy = subprocess.Popen([sys.argv[1], '-a', '127.0.0.1', '-p', '0', f'127.0.0.1:{closed_port}'], stdout=subprocess.PIPE, text=True)
    try:
        address = ('127.0.0.1', int(re.search(r'port (\d+)', proxy.stdout.readline())[1]))
        try:  # the reset may come before the client has noticed that it is connected
            with socket.create_connection(address, timeout=60) as connection:
                check(connection.recv(1) == b'x', 'an end, where no server answered')
        except ConnectionResetError:
            pass
        proxy.send_signal(signal.SIGTERM)
        check(proxy.wait(60) == 0, 'the exit status without a server')
    finally:
        proxy.kill()
    check_silent(upstreams[0])
    with tempfile.TemporaryDirectory() as folder:
        check_tls(pathlib.Path(folder), upstreams[0])
    for line in wrong:
        print(line)
    print(f'{1 if not wrong else 0} passed, {1 if wrong else 0} failed')
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
