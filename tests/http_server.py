#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The example http_server: curl, requests over a plain socket, clients that are slow, and the end of the server.

usage: http_server.py PROGRAM
"""
import email.utils
import hashlib
import os
import pathlib
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

BIG = 8 * 1024 * 1024 + 11
wrong = []


def check(condition, text):
    if not condition:
        wrong.append(text)


class Server:
    """The program, with a folder."""

    def __init__(self, folder, *options):
        self.process = subprocess.Popen([sys.argv[1], '-a', '127.0.0.1', '-p', '0', *options, str(folder)],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        select.select([self.process.stdout], [], [], 60)
        line = self.process.stdout.readline()
        scheme, port = re.fullmatch(r'serving on (https?)://127\.0\.0\.1:(\d+)/\n', line).groups()
        self.port = int(port)
        self.url = f'{scheme}://127.0.0.1:{port}'
        self.log = ''
        self.reader = threading.Thread(target=self.read_log)
        self.reader.start()

    def read_log(self):
        for line in self.process.stdout:
            self.log += line

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            check(False, 'it did not exit')
        self.reader.join()
        complaint = self.process.stderr.read()
        check(self.process.returncode == 0, f'exit status {self.process.returncode}')
        check(complaint == '', f'it wrote to stderr: {complaint}')

    def connect(self):
        return socket.create_connection(('127.0.0.1', self.port), timeout=60)

    def raw(self, data):
        """All that is answered until the server closes the connection."""
        with self.connect() as connection:
            connection.sendall(data)
            return read_all(connection)

    def code(self, data):
        found = re.match(rb'HTTP/1\.1 (\d+) ', self.raw(data))
        return int(found[1]) if found else None


def read_all(connection):
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    return b''.join(parts)


def get(target, *headers, method='GET', version='1.1'):
    lines = [f'{method} {target} HTTP/{version}', 'Host: here', *headers, '', '']
    return '\r\n'.join(lines).encode()


def last(target, *headers, **others):
    return get(target, 'Connection: close', *headers, **others)


def curl(*arguments):
    done = subprocess.run(['curl', '--silent', '--show-error', '--max-time', '60', *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    check(done.returncode == 0, f'curl {arguments}: {done.stderr.decode()}')
    return done.stdout


def make_folder(folder):
    (folder / 'big.bin').write_bytes(os.urandom(BIG))
    (folder / 'hello.txt').write_text('hello, world\n')
    (folder / 'empty.html').write_text('')
    (folder / 'a <b>&"c" ü.txt').write_text('odd')
    (folder / 'sub').mkdir()
    (folder / 'sub' / 'page.html').write_text('<p>page')
    (folder / 'with-index').mkdir()
    (folder / 'with-index' / 'index.html').write_text('<p>index')
    (folder / 'outside').symlink_to('/etc')
    os.mkfifo(folder / 'fifo')
    for number in range(30):
        (folder / f'{number}.txt').write_text(str(number) * 100)


def check_curl(server, folder):
    big = (folder / 'big.bin').read_bytes()
    check(curl(f'{server.url}/big.bin') == big, 'the big file is not what was sent')
    two = curl('-w', '%{num_connects} ', f'{server.url}/hello.txt', f'{server.url}/1.txt')
    check(two == b'hello, world\n1 ' + b'1' * 100 + b'0 ', f'the connection was not kept: {two}')
    check(curl('-r', '1000-1999', f'{server.url}/big.bin') == big[1000:2000], 'range 1000-1999')
    check(curl('-r', '-5', f'{server.url}/big.bin') == big[-5:], 'range -5')
    check(curl('-r', f'{BIG - 3}-', f'{server.url}/big.bin') == big[-3:], 'the last range')
    head = curl('-I', f'{server.url}/big.bin').decode()
    check(f'Content-Length: {BIG}\r\n' in head and 'application/octet-stream' in head, f'HEAD: {head}')
    check(curl('-z', str(folder / 'hello.txt'), '-w', '%{http_code}', f'{server.url}/hello.txt') == b'304', 'not 304')
    check(curl(f'{server.url}/with-index/') == b'<p>index', 'no index.html')
    check(curl('-L', f'{server.url}/sub').count(b'href="./page.html"') == 1, 'no redirection to the folder')
    check(curl('-0', f'{server.url}/hello.txt') == b'hello, world\n', 'HTTP/1.0')
    check(curl('-d', 'x=y', '-w', '%{http_code}', '-o', os.devnull, f'{server.url}/hello.txt') == b'405', 'POST')
    with tempfile.TemporaryDirectory() as there:
        curl('--parallel', '--parallel-max', '20', '-o', f'{there}/#1.txt', f'{server.url}/[0-29].txt', '-o', f'{there}/big', f'{server.url}/big.bin')
        same = all((pathlib.Path(there) / f'{n}.txt').read_bytes() == (folder / f'{n}.txt').read_bytes() for n in range(30))
        check(same and (pathlib.Path(there) / 'big').read_bytes() == big, 'curl --parallel')
    if shutil.which('curl') is None:
        wrong.append('no curl')


def check_page(server):
    page = server.raw(last('/')).decode()
    check('Content-Type: text/html; charset=utf-8\r\n' in page, 'the page is no HTML')
    check('a &lt;b&gt;&amp;&quot;c&quot; ü.txt' in page, f'a name is not escaped: {page}')
    link = re.search(r'href="\./(a[^"]*)"', page)[1]
    check(server.raw(last('/' + link)).endswith(b'\r\n\r\nodd'), f'the link {link} leads nowhere')


def check_requests(server, folder):
    one, two = get('/hello.txt'), get('/1.txt')
    answer = server.raw(one + two + get('/hello.txt', method='HEAD') + last('/nothing'))
    check(re.findall(rb'HTTP/1\.1 (\d+)', answer) == [b'200', b'200', b'200', b'404'], f'pipelined: {answer}')
    check(answer.count(b'hello, world\n') == 1 and b'1' * 100 in answer, 'pipelined bodies')
    parts = server.connect()
    for byte in last('/hello.txt'):
        parts.sendall(bytes([byte]))
    check(read_all(parts).endswith(b'hello, world\n'), 'a request in single bytes')
    parts.close()
    changed = email.utils.formatdate((folder / 'hello.txt').stat().st_mtime, usegmt=True)
    codes = [
        ('a range', 206, last('/hello.txt', 'Range: bytes=0-4')),
        ('a range beyond the end', 416, last('/hello.txt', 'Range: bytes=13-')),
        ('a range of an empty file', 416, last('/empty.html', 'Range: bytes=0-')),
        ('several ranges', 200, last('/hello.txt', 'Range: bytes=0-1,3-4')),
        ('a range that is none', 200, last('/hello.txt', 'Range: lines=1-2')),
        ('a range, if unchanged', 206, last('/hello.txt', 'Range: bytes=0-4', f'If-Range: {changed}')),
        ('a range, but changed', 200, last('/hello.txt', 'Range: bytes=0-4', 'If-Range: "other"')),
        ('unchanged', 304, last('/hello.txt', f'If-Modified-Since: {changed}')),
        ('changed', 200, last('/hello.txt', 'If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT')),
        ('no date', 200, last('/hello.txt', 'If-Modified-Since: yesterday')),
        ('a full address', 200, last('http://here/hello.txt?query')),
        ('a percent-encoded name', 200, last('/%68ello%2etxt')),
        ('a byte that is none', 400, last('/%zz')),
        ('a zero byte', 400, last('/hello.txt%00.html')),
        ('..', 400, last('/../etc/passwd')),
        ('an encoded ..', 400, last('/sub/%2e%2e/%2E%2e/etc/passwd')),
        ('an encoded /', 400, last('/sub%2f..%2f..')),
        ('a link that leads out', 404, last('/outside/passwd')),
        ('a double slash', 404, last('//etc/passwd')),
        ('a fifo', 403, last('/fifo')),
        ('a file as a folder', 404, last('/hello.txt/x')),
        ('a method', 405, last('/hello.txt', method='DELETE')),
        ('an unknown method', 405, last('/hello.txt', method='BREW')),
        ('no host', 400, b'GET / HTTP/1.1\r\n\r\n'),
        ('no HTTP', 400, b'hello\r\n\r\n'),
        ('two lengths', 400, last('/', 'Content-Length: 1', 'Content-Length: 2')),
        ('a long address', 414, last('/' + 'a' * 5000)),
        ('a very long address', 414, last('/' + 'a' * 50000)),
        ('many headers', 431, last('/', *(f'X-{n}: {"y" * 100}' for n in range(500)))),
        ('a body', 200, get('/hello.txt', 'Content-Length: 3') + b'abc' + get('/nothing')),
        ('old HTTP', 200, get('/hello.txt', version='1.0')),
    ]
    for what, expected, request in codes:
        code = server.code(request)
        check(code == expected, f'{what}: {code}, not {expected}')
    answer = server.raw(last('//there.example//sub'))
    check(b'Location: //' not in answer, f'a redirection to another host: {answer}')


def check_big_answers(server):
    """A client that asks for much and reads late gets everything."""
    with server.connect() as connection:
        connection.sendall(get('/big.bin') * 3 + last('/hello.txt'))
        time.sleep(0.3)
        answer = read_all(connection)
    check(answer.endswith(b'hello, world\n') and len(answer) > 3 * BIG, f'{len(answer)} bytes of a pipeline')


def check_slow_clients(folder):
    server = Server(folder, '-i', '1', '-r', '1', '-s', '1', '-c', '5')
    idle, dripping, deaf = server.connect(), server.connect(), server.connect()
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    deaf.sendall(get('/big.bin') * 20)

    def drip():
        try:
            for byte in b'GET / HTTP/1.1\r\n' + b'X: y\r\n' * 100:
                dripping.sendall(bytes([byte]))
                time.sleep(0.05)
        except OSError:
            pass
    dripper = threading.Thread(target=drip)
    dripper.start()
    check(idle.recv(1) == b'', 'an idle connection was not closed')
    check(b' 408 ' in dripping.recv(100), 'a request that takes too long was not refused')
    time.sleep(1)
    try:
        size = len(read_all(deaf))
        check(size < 20 * BIG, 'a client that did not read got everything')
    except ConnectionResetError:
        pass
    dripper.join()
    # More connections than are allowed wait for one to end.
    crowd = [server.connect() for _ in range(5)]
    late = server.connect()
    late.sendall(last('/hello.txt'))
    ready, _, _ = select.select([late], [], [], 0.2)
    check(not ready, 'there is no limit of connections')
    for one in crowd:
        one.close()
    check(read_all(late).endswith(b'hello, world\n'), 'a connection that had to wait was not served')
    server.stop()


def check_end(folder):
    """A download that is under way when the server is told to stop is completed; idle connections are closed."""
    server = Server(folder)
    with server.connect() as download, server.connect() as idle:
        download.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        idle.sendall(get('/hello.txt'))
        idle.recv(65536)
        download.sendall(get('/big.bin'))
        begin = download.recv(1000)
        server.process.send_signal(signal.SIGTERM)
        check(read_all(idle) in (b'', b'hello, world\n'), 'an idle connection was not closed')
        try:
            with server.connect() as late:
                late.sendall(get('/hello.txt'))
                check(late.recv(1) == b'', 'it still serves new connections')
        except OSError:
            pass
        check(server.process.poll() is None, 'it did not wait for the download')
        body = (begin + read_all(download)).split(b'\r\n\r\n', 1)[1]
    check(hashlib.sha256(body).digest() == hashlib.sha256((folder / 'big.bin').read_bytes()).digest(), 'the download was cut')
    server.stop(0)
    # A second signal does not wait.
    server = Server(folder)
    with server.connect() as download:
        download.sendall(get('/big.bin') * 20)
        download.recv(1000)
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        server.stop(signal.SIGINT)
    # Nor does it wait for ever.
    server = Server(folder, '-g', '0.2')
    with server.connect() as download:
        download.sendall(get('/big.bin') * 20)
        download.recv(1000)
        server.stop()


def check_tls(folder):
    """The same over TLS, with a certificate that curl is told to trust; who speaks something else is refused."""
    certificate, key = str(folder / 'certificate.pem'), str(folder / 'key.pem')
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', certificate, '-days', '2', '-subj', '/CN=test',
                    '-addext', 'subjectAltName=IP:127.0.0.1'], check=True, stderr=subprocess.DEVNULL)
    server = Server(folder, '-t', certificate, '-k', key)
    try:
        big = (folder / 'big.bin').read_bytes()
        check(curl('--cacert', certificate, f'{server.url}/big.bin') == big, 'the big file over TLS is not what was sent')
        check(curl('--cacert', certificate, '-r', '1000-1999', f'{server.url}/big.bin') == big[1000:2000], 'range 1000-1999 over TLS')
        two = curl('--cacert', certificate, '-w', '%{num_connects} ', f'{server.url}/hello.txt', f'{server.url}/1.txt')
        check(two == b'hello, world\n1 ' + b'1' * 100 + b'0 ', f'the connection over TLS was not kept: {two}')
        done = subprocess.run(['curl', '--silent', f'{server.url}/hello.txt'], stdout=subprocess.PIPE, check=False)
        check(done.returncode == 60 and done.stdout == b'', 'a certificate that nobody vouches for was accepted')
        check(not server.raw(b'GET / HTTP/1.1\r\nHost: x\r\n\r\n').startswith(b'HTTP/'), 'it answered plain HTTP')
    finally:
        server.stop()


def main():
    with tempfile.TemporaryDirectory() as there:
        folder = pathlib.Path(there)
        make_folder(folder)
        server = Server(folder)
        try:
            check_curl(server, folder)
            check_page(server)
            check_requests(server, folder)
            check_big_answers(server)
        finally:
            server.stop()
        check(re.search(r'^127\.0\.0\.1 - - \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d \+0000\] "GET /hello\.txt HTTP/1\.1" 200 13$', server.log, re.M), 'no log')
        check_slow_clients(folder)
        check_end(folder)
        check_tls(folder)
    for line in wrong:
        print(line)
    print(f'{1 if not wrong else 0} passed, {1 if wrong else 0} failed')
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
