#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The examples and programs that others wrote: socat, wrk and dig. curl is in http_server.py, openssl in tls_echo.py.

usage: foreign_clients.py EXAMPLES OPENSSL    (the folder of the examples)
"""
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading

import dns_server

FOLDER, OPENSSL = sys.argv[1:]
SECONDS = 60
passed, wrong = 0, []


def check(condition, text):
    global passed
    passed += bool(condition)
    if not condition:
        wrong.append(text)


class Server:
    """An example, until the end of the block."""

    def __init__(self, name, *arguments):
        self.process = subprocess.Popen([f'{FOLDER}/{name}', *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.name = name
        self.port = re.search(r'(\d+)/?\n', self.process.stdout.readline())[1]
        self.reader = threading.Thread(target=self.process.stdout.read)
        self.reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(SECONDS)
            check(status == 0, f'{self.name}: exit status {status}: {self.process.stderr.read()}')
        finally:
            self.process.kill()
            self.reader.join()


def run(*command, **options):
    return subprocess.run(command, capture_output=True, timeout=SECONDS, check=False, **options)


def socat(address, data):
    """What comes back, after socat has closed its half."""
    done = run('socat', '-t', str(SECONDS), '-', address, input=data)
    check(done.returncode == 0 and not done.stderr, f'socat {address}: {done.stderr}')
    return done.stdout


def wrk(url):
    done = run('wrk', '-t', '1', '-c', '20', '-d', '1', url)
    text = done.stdout.decode()
    found = re.search(r'(\d+) requests in', text)
    check(done.returncode == 0 and found and int(found[1]) > 0, f'wrk {url}: {text} {done.stderr}')
    check('Socket errors' not in text and 'Non-2xx' not in text, f'wrk {url}: {text}')


def dig(port, name, kind):
    done = run('dig', '+tcp', '+short', '+time=20', '+tries=1', '@127.0.0.1', '-p', port, name, kind)
    check(done.returncode == 0, f'dig {name} {kind}: {done.stdout} {done.stderr}')
    return sorted(done.stdout.decode().split())


def main():
    data = os.urandom(3_000_000)
    with tempfile.TemporaryDirectory() as there:
        folder = pathlib.Path(there)
        certificate, key = str(folder / 'cert.pem'), str(folder / 'key.pem')
        run(OPENSSL, 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key, '-out', certificate,
            '-days', '2', '-subj', '/CN=test', '-addext', 'subjectAltName=DNS:localhost')
        site = folder / 'site'
        site.mkdir()
        (site / 'hello.txt').write_text('hello, world\n')
        (site / 'big.bin').write_bytes(data)

        with Server('echo_server', '127.0.0.1', '0') as server:
            check(socat(f'TCP:127.0.0.1:{server.port}', data) == data, 'socat got other bytes from the echo server')
            with Server('reverse_proxy', '-a', '127.0.0.1', '-p', '0', f'127.0.0.1:{server.port}') as proxy:
                check(socat(f'TCP:127.0.0.1:{proxy.port}', data) == data, 'socat got other bytes through the proxy')
        with Server('chat_server', '127.0.0.1', '0') as server:
            answer = socat(f'TCP:127.0.0.1:{server.port}', b'anna\n/who\n')
            check(answer == b'Your name?\nanna\n', f'socat in the chat: {answer}')
        if os.path.exists(f'{FOLDER}/tls_echo'):
            with Server('tls_echo', 'serve', certificate, key) as server:
                # OpenSSL in socat ends both directions at once: it waits for nothing after its input.
                address = f'OPENSSL:localhost:{server.port},cafile={certificate},verify=1,pf=ip4'
                client = subprocess.Popen(['socat', '-', address], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                client.stdin.write(b'hello\n')
                client.stdin.flush()
                check(client.stdout.readline() == b'hello\n', 'socat over TLS')
                _, complaint = client.communicate(timeout=SECONDS)
                check(client.returncode == 0 and not complaint, f'socat over TLS: {complaint}')
        if os.path.exists(f'{FOLDER}/http_server'):
            with Server('http_server', '-a', '127.0.0.1', '-p', '0', str(site)) as server:
                wrk(f'http://127.0.0.1:{server.port}/hello.txt')
                wrk(f'http://127.0.0.1:{server.port}/big.bin')
                wrk(f'http://127.0.0.1:{server.port}/')
                with Server('reverse_proxy', '-a', '127.0.0.1', '-p', '0', f'127.0.0.1:{server.port}') as proxy:
                    wrk(f'http://127.0.0.1:{proxy.port}/hello.txt')
            with Server('http_server', '-a', '127.0.0.1', '-p', '0', '-t', certificate, '-k', key, str(site)) as server:
                wrk(f'https://127.0.0.1:{server.port}/hello.txt')
        names = dns_server.Server()
        with Server('reverse_proxy', '-a', '127.0.0.1', '-p', '0', f'127.0.0.1:{names.port}') as proxy:
            check(dig(proxy.port, 'good.test', 'A') == ['192.0.2.1', '192.0.2.2'], 'dig A')
            check(dig(proxy.port, 'good.test', 'AAAA') == ['2001:db8::1'], 'dig AAAA')
            check(len(dig(proxy.port, 'long.test', 'A')) == 80, 'dig, a long answer')
    for line in wrong:
        print(line)
    print(f'{passed} passed, {len(wrong)} failed')
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
