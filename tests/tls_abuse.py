#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The example tls_echo among clients and servers that break the rules: old protocols, handshakes that are cut at any byte, connections
that end without TLS's end, records that are forged. Whatever comes, it goes on, and holds no more descriptors and memory than before.

usage: tls_abuse.py [--sanitized] PROGRAM OPENSSL
"""
import os
import random
import re
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time

SANITIZED = sys.argv[1] == '--sanitized'
PROGRAM, OPENSSL = sys.argv[1 + SANITIZED:]
SECONDS = 60
HANDSHAKES = 1000
SEED = int(os.environ.get('AWAIT_HUNT_SEED', time.time_ns() % 1_000_000))
passed, wrong = 0, []


def check(condition, text):
    global passed
    passed += bool(condition)
    if not condition:
        wrong.append(text)


class Server:
    def __init__(self, certificate, key):
        self.complaints = tempfile.TemporaryFile('w+')
        self.process = subprocess.Popen([PROGRAM, 'serve', certificate, key], stdout=subprocess.PIPE, stderr=self.complaints, text=True)
        self.port = int(re.fullmatch(r'listening on port (\d+)\n', self.process.stdout.readline())[1])

    def connect(self):
        return socket.create_connection(('127.0.0.1', self.port), timeout=SECONDS)

    def said(self):
        self.complaints.seek(0)
        return self.complaints.read()

    def descriptors(self):
        return len(os.listdir(f'/proc/{self.process.pid}/fd'))

    def resident(self):
        with open(f'/proc/{self.process.pid}/statm') as file:
            return int(file.read().split()[1]) * os.sysconf('SC_PAGE_SIZE')

    def settles_at(self, descriptors):
        end = time.monotonic() + SECONDS
        while self.descriptors() > descriptors and time.monotonic() < end:
            time.sleep(0.01)
        return self.descriptors() <= descriptors

    def truncations(self):
        return self.said().count("without TLS's closing message")

    def tells_of(self, truncations):
        end = time.monotonic() + SECONDS
        while self.truncations() < truncations and time.monotonic() < end:
            time.sleep(0.01)
        return self.truncations() >= truncations


def read_all(connection):
    data = b''
    try:
        while part := connection.recv(65536):
            data += part
    except ConnectionResetError:
        pass
    return data


def client_hello(version, extensions=b''):
    """As a client of that version sends it, with ciphers that these had."""
    ciphers = struct.pack('>8H', 0xc013, 0xc014, 0xc009, 0xc00a, 0x002f, 0x0035, 0x000a, 0x0005)
    body = struct.pack('>H', version) + os.urandom(32) + b'\0' + struct.pack('>H', len(ciphers)) + ciphers + b'\1\0'
    if extensions:
        body += struct.pack('>H', len(extensions)) + extensions
    handshake = b'\1' + struct.pack('>I', len(body))[1:] + body
    return b'\x16\3' + bytes([min(version & 0xff, 1)]) + struct.pack('>H', len(handshake)) + handshake


def answer_to(server, data):
    with server.connect() as connection:
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it did not want to read all of that
        return read_all(connection)


def refuses_old_protocols(server):
    for version, name in (0x0300, 'SSL 3.0'), (0x0301, 'TLS 1.0'), (0x0302, 'TLS 1.1'):
        answer = answer_to(server, client_hello(version))
        # A fatal alert: protocol_version, or handshake_failure.
        check(len(answer) == 7 and answer[0] == 0x15 and answer[5] == 2 and answer[6] in (70, 40), f'{name}: {answer[:40]}')
    # The first message of SSL 2.0.
    answer = answer_to(server, b'\x80\x2e\1\0\2\0\x15\0\0\0\x10' + bytes(35))
    check(not answer or answer[0] == 0x15, f'SSL 2.0: {answer[:40]}')
    for option in '-tls1', '-tls1_1':
        run = subprocess.run([OPENSSL, 's_client', '-connect', f'127.0.0.1:{server.port}', option, '-cipher', 'ALL:@SECLEVEL=0'],
                             stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS, check=False)
        check(run.returncode != 0 and b'Cipher is (NONE)' in run.stdout, f'openssl {option}: {run.stdout[-300:]}')


def refuses_nonsense(server):
    hello = client_hello(0x0303)
    for what, data in (
        ('a record that is too long', b'\x16\3\1\x48\1' + bytes(0x4801)),
        ('application data at once', b'\x17\3\3\0\x10' + os.urandom(16)),
        ('a change of ciphers at once', b'\x14\3\3\0\1\1'),
        ('an empty handshake record', b'\x16\3\3\0\0'),
        ('an unknown type', b'\x63\3\3\0\1\0'),
        ('a hello that is longer than it says', hello[:6] + b'\0\0\4' + hello[9:]),
        ('no cipher', hello[:44] + b'\0\0' + hello[46:]),
    ):
        answer = answer_to(server, data)
        check(not answer or answer[0] == 0x15, f'{what}: {answer[:40]}')


def handshake(context, connection, most=None, chance=None):
    """By hand, so that it can stop after `most` bytes. Returns how many it has sent, and the TLS object."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname='localhost')
    sent = 0
    while True:
        try:
            tls.do_handshake()
            is_over = True
        except ssl.SSLWantReadError:
            is_over = False
        data = outgoing.read()
        if most is not None and sent + len(data) >= most:
            connection.sendall(data[:most - sent])
            return most, tls, incoming, outgoing
        if chance and len(data) > 1:  # in two parts, and so in two reads perhaps
            cut = chance.randrange(1, len(data))
            connection.sendall(data[:cut])
            data, sent = data[cut:], sent + cut
        connection.sendall(data)
        sent += len(data)
        if is_over:
            return sent, tls, incoming, outgoing
        part = connection.recv(65536)
        if not part:
            raise ConnectionError('the server has ended the handshake')
        incoming.write(part)


def survives_cut_handshakes(server, contexts):
    chance = random.Random(SEED)
    whole = []
    for context in contexts:
        with server.connect() as connection:
            whole.append(handshake(context, connection)[0])
    descriptors = memory = 0
    for number in range(HANDSHAKES + 200):
        if number == 200:  # what it keeps for later is there now
            check(server.settles_at(descriptors), 'it still holds descriptors after 200 handshakes')
            memory = server.resident()
        elif number == 0:
            time.sleep(0.3)
            descriptors = server.descriptors()
        which = number % len(contexts)
        with server.connect() as connection:
            handshake(contexts[which], connection, chance.randrange(whole[which]), chance if number % 3 else None)
            if number % 2:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    check(server.settles_at(descriptors), f'it holds {server.descriptors()} descriptors, not {descriptors}')
    grown = server.resident() - memory
    # The allocator's fragments make it vary by a megabyte; what one connection has is over 40 KiB. LeakSanitizer sees less.
    check(SANITIZED or grown < 4 << 20, f'it has grown by {grown} bytes in {HANDSHAKES} handshakes')
    check(server.process.poll() is None, 'it has ended')


def tells_truncation(server, contexts):
    """A connection that ends without TLS's end is an error, for it may have been cut by anybody."""
    for context in contexts:
        before = server.truncations()
        with server.connect() as connection:
            _, tls, incoming, outgoing = handshake(context, connection)
            tls.write(b'hello')
            connection.sendall(outgoing.read())
            connection.shutdown(socket.SHUT_WR)
            read_all(connection)
        check(server.tells_of(before + 1), f'a server took a cut for an end: {server.said()[-300:]}')


def refuses_changed_bytes(server, contexts):
    for context in contexts:
        with server.connect() as connection:
            _, tls, incoming, outgoing = handshake(context, connection)
            tls.write(b'hello')
            record = bytearray(outgoing.read())
            record[-1] ^= 1
            connection.sendall(record)
            answer = read_all(connection)
            incoming.write(answer)
            incoming.write_eof()
            try:
                text = tls.read(100)
            except ssl.SSLError as error:
                text = str(error).encode()
            check(b'hello' not in text and b'bad' in text.lower(), f'a changed byte: {text}')


def client_tells_truncation(certificate, key, contexts):
    """The example as a client, whose server cuts the connection after some words."""
    serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    serving.load_cert_chain(certificate, key)
    for context in contexts:
        serving.maximum_version = context.maximum_version
        with socket.create_server(('127.0.0.1', 0)) as listener:
            def serve():
                plain, _ = listener.accept()
                connection = serving.wrap_socket(plain, server_side=True)
                connection.sendall(b'some words')
                raw = connection.detach()  # closes the connection, and says nothing
                cut = socket.socket(fileno=raw)
                cut.shutdown(socket.SHUT_WR)
                read_all(cut)
                cut.close()
            thread = threading.Thread(target=serve)
            thread.start()
            run = subprocess.run([PROGRAM, 'connect', 'localhost', str(listener.getsockname()[1]), certificate], stdin=subprocess.DEVNULL,
                                 capture_output=True, timeout=SECONDS, check=False)
            thread.join()
        check(run.returncode == 1 and run.stdout == b'some words' and b'TRUNCATED' in run.stderr.upper(), f'a cut server: {run}')


def main():
    with tempfile.TemporaryDirectory() as folder:
        certificate, key = f'{folder}/cert.pem', f'{folder}/key.pem'
        subprocess.run([OPENSSL, 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key,
                        '-out', certificate, '-days', '2', '-subj', '/CN=test', '-addext', 'subjectAltName=DNS:localhost'],
                       check=True, stderr=subprocess.DEVNULL)
        contexts = []
        for version in ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2:
            contexts.append(ssl.create_default_context(cafile=certificate))
            contexts[-1].maximum_version = version
        server = Server(certificate, key)
        try:
            refuses_old_protocols(server)
            refuses_nonsense(server)
            survives_cut_handshakes(server, contexts)
            tells_truncation(server, contexts)
            refuses_changed_bytes(server, contexts)
            # After all that it still serves.
            with server.connect() as plain, contexts[0].wrap_socket(plain, server_hostname='localhost') as connection:
                connection.sendall(b'hello')
                check(connection.recv(100) == b'hello', 'it serves no more')
            server.process.send_signal(signal.SIGTERM)
            check(server.process.wait(SECONDS) == 0, f'exit status {server.process.returncode}')
            check('Sanitizer' not in server.said() and 'runtime error' not in server.said(), server.said()[-2000:])
        finally:
            server.process.kill()
            server.process.wait()
        client_tells_truncation(certificate, key, contexts)
    for line in wrong:
        print(line)
    if wrong:
        print(f'AWAIT_HUNT_SEED={SEED}')
    print(f'{passed} passed, {len(wrong)} failed')
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
