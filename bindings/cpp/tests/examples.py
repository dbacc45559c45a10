#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The example fetch prints what a web server answers, and says what went wrong. usage: examples.py FETCH"""
import http.server
import socket
import subprocess
import sys
import threading

BODY = b'x' * 200_000
wrong = []


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == '/page' else 404)
        self.send_header('X-Test', 'yes')
        self.end_headers()
        self.wfile.write(BODY)

    def log_message(self, *_):
        pass


def fetch(*arguments):
    return subprocess.run([sys.argv[1], *arguments], capture_output=True, text=True, timeout=30)


def check(condition, text):
    if not condition:
        wrong.append(text)


server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
port = str(server.server_address[1])
done = fetch('127.0.0.1', port, '/page')
lines = done.stdout.splitlines()
check(done.returncode == 0 and lines[0] == 'HTTP/1.0 200 OK' and 'X-Test: yes' in lines and lines[-1] == f'{len(BODY)} bytes',
      f'a page: {done}')
done = fetch('127.0.0.1', port)
check(done.stdout.startswith('HTTP/1.0 404 '), f'a page that is missing: {done}')
server.shutdown()
server.server_close()
with socket.socket() as bound: # nobody listens
    bound.bind(('127.0.0.1', 0))
    done = fetch('127.0.0.1', str(bound.getsockname()[1]))
    check(done.returncode == 1 and 'refused' in done.stderr, f'nobody listens: {done}')
check(fetch().returncode == 2, 'without arguments')
print(*wrong, sep='\n', end='\n' if wrong else '')
print(f'{4 - len(wrong)} passed, {len(wrong)} failed')
sys.exit(bool(wrong))
