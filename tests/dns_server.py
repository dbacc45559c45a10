#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A DNS server on 127.0.0.1 for tests, over UDP and TCP. The name that is asked for says how it answers:

  good.test     A, AAAA and MX records          alias.test    an alias of good.test
  v4.test       an A record alone               missing.test  there is no such name
  slow.test     no answer                       flaky.test    an answer to every second question
  noise.test    datagrams that are no answers, and then the answer
  echo.test     the question itself, and then the answer
  loop.test     a name whose pointers go in circles
  short.test    a record that is longer than the message
  random.test   bytes that mean nothing, after the right header
  long.test     too long for a datagram: the answer comes over TCP
  1.2.0.192.in-addr.arpa    good.test

usage: dns_server.py    prints the port, and serves until its stdin ends
"""
import random
import socket
import struct
import sys
import threading

A, CNAME, PTR, MX, AAAA = 1, 5, 12, 15, 28
POINTER = b'\xc0\x0c'  # the name in the question


def name_of(text):
    return b''.join(bytes([len(part)]) + part.encode() for part in text.split('.') if part) + b'\0'


def record(kind, data, owner=POINTER, ttl=60):
    return owner + struct.pack('>HHIH', kind, 1, ttl, len(data)) + data


class Server:
    def __init__(self):
        self.seen = {}
        self.random = random.Random(1)
        while True:
            self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.udp.bind(('127.0.0.1', 0))
            self.port = self.udp.getsockname()[1]
            self.tcp = socket.socket()
            self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                self.tcp.bind(('127.0.0.1', self.port))
                break
            except OSError:
                self.udp.close()
                self.tcp.close()
        self.tcp.listen()
        threading.Thread(target=self.serve_udp, daemon=True).start()
        threading.Thread(target=self.serve_tcp, daemon=True).start()

    def serve_udp(self):
        while True:
            query, address = self.udp.recvfrom(4096)
            for answer in self.answers(query, False):
                self.udp.sendto(answer, address)

    def serve_tcp(self):
        while True:
            connection, _ = self.tcp.accept()
            with connection, connection.makefile('rb') as stream:
                while len(size := stream.read(2)) == 2:
                    for answer in self.answers(stream.read(struct.unpack('>H', size)[0]), True):
                        connection.sendall(struct.pack('>H', len(answer)) + answer)

    def answers(self, query, over_tcp):
        """The messages to send back."""
        parts, at = [], 12
        while query[at]:
            parts.append(query[at + 1:at + 1 + query[at]].decode().lower())
            at += 1 + query[at]
        name, question = '.'.join(parts), query[12:at + 5]
        kind = struct.unpack('>H', query[at + 1:at + 3])[0]
        self.seen[name, kind] = times = self.seen.get((name, kind), 0) + 1

        def message(records, rcode=0, flags=0x8180, ident=query[:2], asked=question):
            return ident + struct.pack('>HHHHH', flags | rcode, 1, len(records), 0, 0) + asked + b''.join(records)

        good = {
            A: [record(A, bytes([192, 0, 2, 1])), record(A, bytes([192, 0, 2, 2]))],
            AAAA: [record(AAAA, socket.inet_pton(socket.AF_INET6, '2001:db8::1'))],
            MX: [record(MX, b'\0\x0a' + b'\4mail' + POINTER)],
        }.get(kind, [])
        if name == 'good.test':
            return [message(good)]
        if name == 'v4.test':
            return [message(good if kind == A else [])]
        if name == 'alias.test':
            target = name_of('good.test')
            renamed = [target + each[2:] for each in good] if kind != MX else []
            return [message([record(CNAME, target)] + renamed)]
        if name == '1.2.0.192.in-addr.arpa':
            return [message([record(PTR, name_of('good.test'))] if kind == PTR else [])]
        if name == 'flaky.test':
            return [message(good)] if times % 2 == 0 else []
        if name == 'slow.test':
            return []
        if name == 'noise.test':
            other = bytes([query[0] ^ 1, query[1]])
            wrong = name_of('evil.test') + question[-4:]
            evil = [record(A, bytes([6, 6, 6, 6]))]
            return [b'', b'\0', query[:2], message(evil, ident=other), message(evil, asked=wrong), message(good)]
        if name == 'echo.test':
            return [query, message(good)]
        if name == 'loop.test':
            here = struct.pack('>H', 0xc000 | (12 + len(question)))
            return [message([record(kind, bytes(4), owner=here)])]
        if name == 'short.test':
            return [message([POINTER + struct.pack('>HHIH', kind, 1, 60, 400) + b'abcd'])]
        if name == 'random.test':
            return [message([])[:6] + b'\0\7' + bytes(4) + question + self.random.randbytes(60)]
        if name == 'long.test':
            if not over_tcp:
                return [message([], flags=0x8380)]
            return [message(good * 40)]
        return [message([], rcode=3)]


if __name__ == '__main__':
    print(Server().port, flush=True)
    sys.stdin.read()
