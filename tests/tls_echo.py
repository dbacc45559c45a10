#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The example tls_echo against clients and servers that others wrote: openssl s_client and s_server, and Python's ssl.

usage: tls_echo.py PROGRAM OPENSSL
"""
import hashlib
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading

PROGRAM, OPENSSL = sys.argv[1:3]
SECONDS = 60
passed, wrong = 0, []


def check(condition, text):
    global passed
    passed += bool(condition)
    if not condition:
        wrong.append(text)


def openssl(*arguments, **options):
    return subprocess.run([OPENSSL, *arguments], capture_output=True, timeout=SECONDS, **options)


def make_certificate(folder):
    cert, key = f'{folder}/cert.pem', f'{folder}/key.pem'
    made = openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', cert, '-days', '2', '-subj', '/CN=test',
                   '-addext', 'subjectAltName=DNS:localhost')
    check(made.returncode == 0, made.stderr.decode())
    return cert, key


class Server:
    """The example, as a server."""

    def __init__(self, cert, key):
        self.process = subprocess.Popen([PROGRAM, 'serve', cert, key], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.port = int(re.fullmatch(r'listening on port (\d+)\n', self.process.stdout.readline())[1])

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        _, complaints = self.process.communicate(timeout=SECONDS)
        check(self.process.returncode == 0, f'the server: exit status {self.process.returncode}')
        return complaints


def s_client(port, cert, *options, text='hello\n'):
    """Sends a text, waits for the answer, and ends with Q."""
    client = subprocess.Popen([OPENSSL, 's_client', '-connect', f'localhost:{port}', '-CAfile', cert, '-verify_return_error',
                               '-verify_hostname', 'localhost', *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    client.stdin.write(text.encode())
    client.stdin.flush()
    seen = b''
    while text.encode().split(b'\n')[-2] + b'\n' not in seen.split(b'---\n')[-1]:
        part = client.stdout.read1(65536)
        if not part:
            break
        seen += part
    try:
        rest, _ = client.communicate(b'Q\n', timeout=SECONDS)
    except BrokenPipeError:
        rest = b''
    return (seen + rest).decode(errors='replace')


def serves_s_client(server, cert):
    for version in '-tls1_2', '-tls1_3':
        said = s_client(server.port, cert, version)
        check('Verify return code: 0 (ok)' in said, f'{version}: {said}')
        check('\nhello\n' in said, f'{version}: no echo: {said}')
    said = s_client(server.port, cert, '-tls1_1', '-cipher', 'ALL@SECLEVEL=0')
    check('hello' not in said and 'alert' in said, f'TLS 1.1: {said}')
    # R asks for a renegotiation, which 1.2 has.
    said = s_client(server.port, cert, '-tls1_2', text='R\nhello\n')
    check('no renegotiation' in said or 'hello' not in said.split('RENEGOTIATING')[-1], f'renegotiation: {said}')


def python_client(port, cert, number):
    context = ssl.create_default_context(cafile=cert)
    data = os.urandom(400_000 + number)
    with socket.create_connection(('127.0.0.1', port), timeout=SECONDS) as plain:
        with context.wrap_socket(plain, server_hostname='localhost') as connection:
            # In turn: Python's connections are not safe to read and write from two threads.
            received, count = hashlib.sha256(), 0
            for start in range(0, len(data), 50_000):
                piece = data[start:start + 50_000]
                connection.sendall(piece)
                while count < start + len(piece) and (part := connection.recv(65536)):
                    received.update(part)
                    count += len(part)
            check(received.digest() == hashlib.sha256(data).digest(), f'client {number}: {count} bytes of {len(data)}')
            connection.unwrap()  # waits for the server's closing message
    check(True, '')


def serves_python(server, cert):
    threads = [threading.Thread(target=python_client, args=(server.port, cert, number)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def survives_rudeness(server):
    for text in b'', b'GET / HTTP/1.0\r\n\r\n', b'\x16\x03\x01\x00\x05hello', os.urandom(2000):
        with socket.create_connection(('127.0.0.1', server.port), timeout=SECONDS) as rude:
            rude.sendall(text)
            rude.shutdown(socket.SHUT_WR)
            try:
                while rude.recv(1000):
                    pass
            except ConnectionResetError:
                pass
    check(server.process.poll() is None, 'a rude client ended the server')


def talks_to_s_server(cert, key):
    for version in '-tls1_2', '-tls1_3':
        with socket.socket() as probe:
            probe.bind(('127.0.0.1', 0))
            port = probe.getsockname()[1]
        server = subprocess.Popen([OPENSSL, 's_server', '-accept', f'127.0.0.1:{port}', '-cert', cert, '-key', key, '-www', version, '-naccept', '1'],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        server.stdout.readline()  # ACCEPT, or the line before it
        request = f'{PROGRAM} connect localhost {port} {cert}'.split()
        for _ in range(50):
            run = subprocess.run(request, input=b'GET / HTTP/1.0\r\n\r\n', capture_output=True, timeout=SECONDS)
            if b'refused' not in run.stderr:
                break
        check(run.returncode == 0, f'{version}: {run.stderr}')
        check(b'HTTP/1.0 200 ok' in run.stdout, f'{version}: {run.stdout} {run.stderr}')
        check(version[1:].replace('tls1_', 'TLSv1.').encode() in run.stderr, f'{version}: {run.stderr}')
        server.kill()
        server.communicate()


def refuses_strangers(server):
    run = subprocess.run([PROGRAM, 'connect', 'localhost', str(server.port)], stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS)
    check(run.returncode != 0 and b'certificate verify failed: self-signed certificate' in run.stderr, f'an unknown authority: {run.stderr}')


def main():
    with tempfile.TemporaryDirectory() as folder:
        cert, key = make_certificate(folder)
        server = Server(cert, key)
        try:
            serves_s_client(server, cert)
            serves_python(server, cert)
            survives_rudeness(server)
            refuses_strangers(server)
            server.stop()
        finally:
            server.process.kill()
        talks_to_s_server(cert, key)
    for line in wrong:
        print(line)
    print(f'{passed} passed, {len(wrong)} failed')
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
