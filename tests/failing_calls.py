#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Each system call of an example fails in turn, by `strace -e inject`: the example goes on, or exits with a status and a reason.

First it runs as it is, and strace records its calls. Then it runs once for each call, each error that is plausible for that call, and
the first, the second and the last time that it is made. Afterwards
  - no signal ended it, and no sanitizer complained;
  - it runs on and serves the next client, or it has ended with a status and words on stderr;
  - it holds no more descriptors than after a run without a fault;
  - SIGTERM ends it, and what it has started.
By default each error is tried once, and the first one at each of those times. AWAIT_FAULTS=all tries everything at each of the first
five times and the last.

usage: failing_calls.py [--sanitized] STRACE EXAMPLE PROGRAM
"""
import collections
import concurrent.futures
import itertools
import os
import pathlib
import re
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

import dns_server

SECONDS = 20  # after which something hangs; nothing here takes a tenth of that
EVERYTHING = os.environ.get('AWAIT_FAULTS') == 'all'

NEW_DESCRIPTOR = 'EMFILE ENFILE ENOMEM'
TRANSFER = 'ECONNRESET EINTR ENOMEM EIO'
PATH = 'ENOMEM EACCES EIO'
# By call, the errors that the kernel gives for it. EAGAIN is not one of a transfer here: the kernel gives it where nothing can be
# transferred, and then it tells when that changes, which nobody does for an error that is made up.
ERRORS = {
    'accept4': 'EMFILE ECONNABORTED ENOBUFS EINTR ENFILE ENOMEM EPERM',
    'socket': NEW_DESCRIPTOR + ' ENOBUFS EACCES EAFNOSUPPORT',
    'bind': 'EADDRINUSE EACCES ENOMEM', 'listen': 'EADDRINUSE', 'connect': 'ECONNREFUSED ENETUNREACH EADDRNOTAVAIL ETIMEDOUT',
    'setsockopt': 'ENOMEM ENOPROTOOPT', 'getsockopt': 'ENOBUFS', 'getsockname': 'ENOBUFS', 'getpeername': 'ENOTCONN ENOBUFS',
    'shutdown': 'ENOMEM',  # not ENOTCONN, which says that the connection is gone: then the reader finds out
    'recvfrom': TRANSFER, 'recvmsg': TRANSFER, 'recvmmsg': TRANSFER, 'read': TRANSFER, 'readv': TRANSFER, 'pread64': 'EIO EINTR ENOMEM',
    'preadv': 'EIO EINTR ENOMEM', 'preadv2': 'EIO EINTR ENOMEM EOPNOTSUPP',
    'sendto': TRANSFER + ' EPIPE ENOBUFS', 'sendmsg': TRANSFER + ' EPIPE ENOBUFS', 'sendmmsg': TRANSFER + ' ENOBUFS',
    'write': TRANSFER + ' EPIPE ENOSPC', 'writev': TRANSFER + ' EPIPE', 'sendfile': TRANSFER + ' EINVAL EPIPE',
    'splice': TRANSFER + ' EINVAL EPIPE',
    'epoll_create1': NEW_DESCRIPTOR, 'epoll_ctl': 'ENOMEM ENOSPC', 'epoll_wait': 'EINTR', 'epoll_pwait': 'EINTR',
    'epoll_pwait2': 'EINTR ENOSYS EPERM', 'poll': 'EINTR ENOMEM', 'ppoll': 'EINTR ENOMEM',
    'eventfd2': NEW_DESCRIPTOR, 'signalfd4': NEW_DESCRIPTOR, 'timerfd_create': NEW_DESCRIPTOR, 'pipe2': NEW_DESCRIPTOR,
    'socketpair': NEW_DESCRIPTOR, 'memfd_create': NEW_DESCRIPTOR, 'pidfd_open': NEW_DESCRIPTOR + ' ENOSYS', 'dup': 'EMFILE',
    'dup2': 'EMFILE', 'dup3': 'EMFILE', 'inotify_init1': NEW_DESCRIPTOR, 'inotify_add_watch': 'ENOSPC ENOMEM EACCES',
    'openat': NEW_DESCRIPTOR + ' EACCES EINTR EIO', 'openat2': NEW_DESCRIPTOR + ' EACCES EINTR EIO ENOSYS',
    'newfstatat': PATH, 'statx': PATH, 'getdents64': 'EIO ENOMEM', 'readlink': PATH, 'access': PATH,
    'lseek': 'EINVAL', 'ioctl': 'ENOTTY EINVAL', 'fcntl': 'EMFILE ENOMEM',
    'io_uring_setup': 'ENOSYS EPERM ENOMEM EMFILE ENFILE', 'io_uring_enter': 'EINTR EAGAIN EBUSY', 'io_uring_register': 'ENOMEM EINVAL EPERM',
    'mmap': 'ENOMEM EAGAIN', 'mprotect': 'ENOMEM', 'madvise': 'ENOMEM EINVAL', 'mremap': 'ENOMEM',
    'clone3': 'EAGAIN ENOMEM ENOSYS', 'clone': 'EAGAIN ENOMEM', 'vfork': 'EAGAIN ENOMEM', 'fork': 'EAGAIN ENOMEM',
    'execve': 'ENOENT EACCES ENOMEM', 'wait4': 'EINTR', 'waitid': 'EINTR', 'getrandom': 'EINTR ENOSYS',
    'close_range': 'ENOSYS', 'close': 'EINTR EIO',
}
# Where only some uses of a call can fail, those whose arguments look like this. Only the main thread's are tried, since strace counts
# in each thread, and the n-th use in another one may be one that can't fail.
ONLY = {'epoll_ctl': r'EPOLL_CTL_ADD', 'fcntl': r'F_DUPFD'}
ALL_THREADS = ['-f', '--seccomp-bpf']
# They have no error to give, or libc ends the program by design if they fail. The kernel's brk gives the old end, and no error.
NEVER = {'brk', 'exit_group', 'exit', 'rt_sigreturn', 'restart_syscall', 'futex', 'munmap', 'rt_sigaction', 'rt_sigprocmask', 'sigaltstack',
         'set_robust_list', 'set_tid_address', 'rseq', 'arch_prctl', 'getpid', 'gettid', 'getuid', 'geteuid', 'getgid', 'getegid', 'getppid',
         'kill', 'tgkill', 'umask', 'sched_yield', 'clock_gettime', 'clock_nanosleep', 'alarm'}
# A sanitizer's own calls, which it can't do without.
SANITIZERS = {'open', 'getdents64', 'ptrace', 'mmap', 'madvise', 'mprotect', 'mremap', 'brk', 'readlink', 'openat', 'read', 'prctl', 'prlimit64', 'clone', 'clone3', 'sched_getaffinity'}
# A descriptor that the failed call should have closed stays open.
KEEPS_OPEN = {'close', 'close_range'}
# libuv's own initialisation aborts if it can't make a pipe for signals, write to it, or register its descriptors. The backend tries all of
# that before, but the fault may hit libuv's own call: then the example has not begun.
ENDED_BY_LIBRARY = {'pipe2', 'write', 'epoll_ctl'} if os.environ.get('AWAIT_BACKEND') == 'uv' else set()
# Without them nobody can end what it has started.
KEEPS_RUNNING = {'pidfd_send_signal', 'kill', 'setsid', 'setpgid'}


class Stuck(Exception):
    """It does not go on."""


class Wrong(Exception):
    """It does what it must not do, whatever has failed."""


# ---- what is done with each example ----

def listening_port(process):
    """The port that a process listens on, or None if it ends before. Its own words may be what can't be written."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            return None
        held = {link[8:-1] for link in links(process.pid) if link.startswith('socket:[')}
        for line in pathlib.Path('/proc/net/tcp').read_text().splitlines()[1:]:
            words = line.split()
            if words[3] == '0A' and words[9] in held:
                return int(words[1].split(':')[1], 16)
        time.sleep(0.005)
    raise Stuck('it does not listen')


def links(pid):
    found = []
    try:
        for name in os.listdir(f'/proc/{pid}/fd'):
            try:
                found.append(os.readlink(f'/proc/{pid}/fd/{name}'))
            except FileNotFoundError:
                pass
    except (FileNotFoundError, PermissionError):
        pass
    return found


def read_all(connection, count=1 << 30):
    data = b''
    while len(data) < count and (part := connection.recv(65536)):
        data += part
    return data


class Example:
    """One that serves clients over TCP until SIGTERM."""

    at_once = 1  # how many runs, of one that mostly sleeps

    def __init__(self, folder):
        self.folder = folder

    def arguments(self):
        return ['127.0.0.1', '0']

    def prepare(self):
        """Before each run."""

    def connect(self, port):
        return socket.create_connection(('127.0.0.1', port), timeout=SECONDS)

    def exchange(self, process):
        """One client, as it should be served. An OSError if it was not."""
        port = listening_port(process)
        if port is None:
            raise ConnectionError
        self.talk(port)

    def expect(self, got, expected):
        if got == expected:
            return
        if not expected.startswith(got):
            raise Wrong(f'{got[:100]} came instead of {expected[:100]}')
        raise ConnectionError(f'{len(got)} bytes of {len(expected)}')


class EchoServer(Example):
    data = bytes(range(256)) * 700

    def talk(self, port):
        with self.connect(port) as connection:
            sender = threading.Thread(target=self.send, args=(connection,))
            sender.start()
            try:
                self.expect(read_all(connection), self.data)
            finally:
                connection.close()
                sender.join()

    def send(self, connection):
        try:
            connection.sendall(self.data)
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass


class ChatServer(Example):
    def talk(self, port):
        with self.connect(port) as connection:
            connection.sendall(b'one\n/who\nhello\n/quit\n')
            self.expect(read_all(connection), b'Your name?\none\n')


class ReverseProxy(EchoServer):
    data = EchoServer.data * 3

    def __init__(self, folder):
        super().__init__(folder)
        self.listener = socket.create_server(('127.0.0.1', 0), backlog=100)
        threading.Thread(target=self.serve, daemon=True).start()

    def arguments(self):
        return ['-a', '127.0.0.1', '-p', '0', '-w', '5', f'127.0.0.1:{self.listener.getsockname()[1]}']

    def serve(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self.answer, args=(connection,), daemon=True).start()

    def answer(self, connection):
        try:
            with connection:
                while part := connection.recv(65536):
                    connection.sendall(part)
        except OSError:
            pass


class HttpServer(Example):
    def __init__(self, folder):
        super().__init__(folder)
        self.site = folder / 'site'
        self.site.mkdir()
        self.big = os.urandom(300_000)
        (self.site / 'big.bin').write_bytes(self.big)

    def arguments(self):
        return ['-a', '127.0.0.1', '-p', '0', '-g', '1', str(self.site)]

    def talk(self, port):
        with self.connect(port) as connection:
            connection.sendall(b'GET /big.bin HTTP/1.1\r\nHost: here\r\n\r\nGET / HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n')
            answer = read_all(connection)
        head, _, rest = answer.partition(b'\r\n\r\n')
        if b'200 OK' not in head.split(b'\r\n')[0]:
            raise ConnectionError(head.decode())
        self.expect(rest[:len(self.big)], self.big)
        if b'href="./big.bin"' not in rest[len(self.big):]:
            raise ConnectionError('no directory page')


def make_certificate(folder):
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', folder / 'key.pem', '-out', folder / 'cert.pem',
                    '-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'], check=True, stderr=subprocess.DEVNULL)
    return str(folder / 'cert.pem'), str(folder / 'key.pem')


class TlsServer(Example):
    def __init__(self, folder):
        super().__init__(folder)
        self.certificate, self.key = make_certificate(folder)
        self.context = ssl.create_default_context(cafile=self.certificate)

    def arguments(self):
        return ['serve', self.certificate, self.key]

    def talk(self, port):
        data = os.urandom(60_000)
        with self.connect(port) as plain, self.context.wrap_socket(plain, server_hostname='localhost') as connection:
            connection.sendall(data)
            self.expect(read_all(connection, len(data)), data)
            try:
                connection.unwrap()
            except ssl.SSLError as error:
                raise ConnectionError from error


class Client(Example):
    """One that ends by itself."""

    def exchange(self, process):
        output, complaint = process.communicate(timeout=SECONDS)
        process.complaint = complaint
        if process.returncode == 0:
            self.judge(output)

    def judge(self, output):
        pass


class TlsClient(Client):
    def __init__(self, folder):
        super().__init__(folder)
        self.certificate, key = make_certificate(folder)
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.context.load_cert_chain(self.certificate, key)
        self.listener = socket.create_server(('127.0.0.1', 0), backlog=100)
        self.text = (folder / 'text')
        self.text.write_bytes(b'hello over TLS\n' * 3000)
        threading.Thread(target=self.serve, daemon=True).start()

    def arguments(self):
        return ['connect', 'localhost', str(self.listener.getsockname()[1]), self.certificate]

    def serve(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self.answer, args=(connection,), daemon=True).start()

    def answer(self, plain):
        try:
            with plain, self.context.wrap_socket(plain, server_side=True) as connection:
                while part := connection.recv(65536):
                    connection.sendall(part)
                connection.unwrap()
        except OSError:
            pass

    def judge(self, output):
        if output.encode() != self.text.read_bytes():
            raise Wrong(f'{len(output)} other bytes came, and it says that all is well')

    def input(self):
        return self.text


class DnsClient(Client):
    def judge(self, output):
        if output.count('\n') != 4:
            raise Wrong(f'all is well, it says, and {output!r}')

    def __init__(self, folder):
        super().__init__(folder)
        self.server = dns_server.Server()

    def arguments(self):
        return ['-s', '127.0.0.1', '-p', str(self.server.port), '-t', '1', 'good.test']


class PortScanner(Client):
    def __init__(self, folder):
        super().__init__(folder)
        self.listener = socket.create_server(('127.0.0.1', 0), backlog=1000)

    def arguments(self):
        port = self.listener.getsockname()[1]
        return ['127.0.0.1', str(port), str(port), '4', '1000']

    def judge(self, output):
        if 'open' not in output:
            raise Wrong(f'all is well, it says, and {output!r}')


class SubprocessTimeout(Client):
    at_once = 12

    def arguments(self):
        return []

    def judge(self, output):
        if not output:
            return  # it is too short a program to look at what printf() returns
        ended = sorted(line.rpartition(' ')[0::2] for line in output.splitlines())
        names = ['echo world', 'sleep 1 && echo hello', 'sleep 1.5', 'sleep 500']
        if [name for name, _ in ended] != names or any(how not in ('complete', 'timeout') for _, how in ended):
            raise Wrong(f'all is well, it says, and {output!r}')


class LogFollower(Example):
    """Lines in files instead of clients."""

    def prepare(self):
        there = self.folder / 'logs'  # away from what is written here
        there.mkdir(exist_ok=True)
        self.log = there / f'{time.monotonic_ns()}.log'
        self.log.write_text('old\n')
        self.count = 0

    def arguments(self):
        return [str(self.log)]

    def exchange(self, process):
        self.wait(process, 'following 1 files')
        self.count += 1
        with self.log.open('a') as file:
            file.write(f'line {self.count}\n')
        self.wait(process, f'line {self.count}')

    def wait(self, process, text):
        end = time.monotonic() + SECONDS
        while text not in process.output.read_text():
            if process.poll() is not None:
                raise ConnectionError
            if process.errors.read_text():
                return  # what it prints is lost, and it says so
            if time.monotonic() > end:
                raise Stuck(f'{text!r} does not come')
            time.sleep(0.005)


class Supervisor(LogFollower):
    def arguments(self):
        return ['-g', '0.2', 'one=echo up; sleep 0.05; echo down; exec sleep 60']

    def exchange(self, process):
        self.wait(process, 'down')


EXAMPLES = {'echo_server': EchoServer, 'chat_server': ChatServer, 'reverse_proxy': ReverseProxy, 'http_server': HttpServer,
            'tls_server': TlsServer, 'tls_client': TlsClient, 'dns_client': DnsClient, 'port_scanner': PortScanner,
            'subprocess_timeout': SubprocessTimeout, 'log_follower': LogFollower, 'supervisor': Supervisor}


# ---- one run ----


def start(example, program, strace, folder):
    """With -D, strace stands aside, and the program is our child."""
    log, output, errors = folder / 'trace', folder / 'stdout', folder / 'stderr'
    example.prepare()
    command = [strace[0], '-D', '-o', str(log), *strace[1:], program, *example.arguments()]
    environ = dict(os.environ, ASAN_OPTIONS=os.environ.get('ASAN_OPTIONS', '') + ':detect_leaks=0',  # it would need ptrace for itself
                   AWAIT_TEST_RUN=str(folder))
    source = example.input() if hasattr(example, 'input') else os.devnull
    with open(output, 'w') as out, open(errors, 'w') as err, open(source, 'rb') as source:
        process = subprocess.Popen(command, stdin=source, stdout=out, stderr=err, env=environ)
    process.output, process.errors = output, errors
    return process


def running(folder):
    """What it has started and still runs, by name. strace is another matter."""
    found = []
    for entry in pathlib.Path('/proc').iterdir():
        try:
            if entry.name.isdigit() and f'AWAIT_TEST_RUN={folder}'.encode() in (entry / 'environ').read_bytes().split(b'\0'):
                found.append((entry / 'comm').read_text().strip())
        except OSError:
            pass
    return [name for name in found if name != 'strace']


def run(example, program, strace, folder, allowed, call=None):
    """Returns what it held after its clients, and raises Stuck or Wrong. `call` is the one that fails."""
    process = start(example, program, strace, folder)
    held = collections.Counter()
    try:
        if isinstance(example, Client):
            try:
                process.wait(SECONDS)
            except subprocess.TimeoutExpired:
                raise Stuck('it does not end') from None
            if process.returncode == 0:
                example.judge(process.output.read_text())
        else:
            serve(example, process)
            held = settled(process, allowed)
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(SECONDS)
            except subprocess.TimeoutExpired:
                raise Stuck('SIGTERM does not end it') from None
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    said = process.errors.read_text(errors='replace')
    if process.returncode == -signal.SIGABRT and call in ENDED_BY_LIBRARY and not said and not process.output.read_text():
        return held
    # It may be about to end with what it said, when SIGTERM comes.
    if process.returncode < 0 and not (process.returncode == -signal.SIGTERM and said.strip()):
        raise Wrong(f'{signal.Signals(-process.returncode).name} ended it')
    if re.search('Sanitizer|runtime error:', said):
        raise Wrong('a sanitizer complains')
    if process.returncode > 0 and not said.strip():
        raise Wrong(f'exit status {process.returncode} without a word')
    end = time.monotonic() + SECONDS
    while call not in KEEPS_RUNNING and (left := running(folder)):
        if time.monotonic() > end:
            raise Wrong(f'{" ".join(left)} still runs')
        time.sleep(0.01)
    return held


def serve(example, process):
    """One client after the fault has to be served, or the example has ended."""
    for attempt in range(4):
        try:
            example.exchange(process)
            if attempt or process.poll() is not None:
                return
        except TimeoutError:
            raise Stuck('a client waits in vain') from None
        except OSError:
            if process.poll() is not None:
                return
    raise Stuck('no client is served')


def settled(process, allowed):
    """What it holds, once connections that have ended are gone."""
    end = time.monotonic() + SECONDS
    while True:
        held = collections.Counter(re.sub(r'\d+', 'N', link) for link in links(process.pid))
        if allowed is None:
            time.sleep(0.3)  # what has gone until then is not allowed later
            return collections.Counter(re.sub(r'\d+', 'N', link) for link in links(process.pid))
        if process.poll() is not None or not held - allowed:
            return held
        if time.monotonic() > end:
            raise Wrong(f'it still holds {dict(held - allowed)}')
        time.sleep(0.01)


# ---- which faults ----

def trace(folder):
    """All that strace wrote. It may end a little later than the example."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        text = (folder / 'trace').read_text(errors='replace')
        process = re.match(r'\d*', text)[0]  # only with -f
        if re.search(rf'^{process} *\+\+\+ ', text, re.M):
            return text
        time.sleep(0.002)
    raise Stuck('strace does not end')


def recorded(text):
    """By call, the places among the calls of that name in one thread, from 1, at which an example's own calls stand."""
    threads, places = collections.defaultdict(collections.Counter), collections.defaultdict(set)
    main, loaded, before = None, False, collections.Counter()
    for line in text.splitlines():
        found = re.match(r'(\d+) +(\w+)\((.*)', line)
        if not found:
            continue
        thread, call, rest = found.groups()
        main = main or thread
        if call == 'execve':
            threads[thread].clear()
            if thread != main:
                threads[thread]['another program'] = 1
        threads[thread][call] += 1
        # The dynamic linker ends by unmapping its cache. strace counts in each thread, so what can be failed in another one
        # without failing the linker comes later. What other programs do is not ours.
        if not loaded:
            before[call] += 1
        elif threads[thread][call] > before[call] and not threads[thread]['another program'] \
                and (call not in ONLY or thread == main and re.search(ONLY[call], rest)):
            places[call].add(threads[thread][call])
        loaded = loaded or call == 'munmap'
    return {call: sorted(found) for call, found in places.items()}


def faults(places, sanitized):
    for call, found in sorted(places.items()):
        if call in NEVER or sanitized and call in SANITIZERS:
            continue
        errors = ERRORS.get(call, 'EPERM').split()
        if EVERYTHING:
            times = sorted({*found[:5], found[-1]})
        else:
            times = sorted({*found[:2], found[-1]})
        for number, error in enumerate(errors):
            for when in times if number == 0 or EVERYTHING else times[:1]:
                yield call, error, when


class Trial:
    """All runs of one example, each with its own folder, whose name is a number."""

    def __init__(self, example, program, strace, folder):
        self.example, self.program, self.strace, self.folder = example, program, strace, folder
        self.wrong, self.passed, self.hits = [], 0, 0
        self.numbers = itertools.count()
        there = self.new_folder()
        self.held = run(example, program, [strace, *ALL_THREADS], there, None)
        self.places = recorded(trace(there))

    def new_folder(self):
        there = self.folder / str(next(self.numbers))
        there.mkdir()
        return there

    def one(self, call, error, when):
        fault = f'{call}:error={error}:when={when}'
        allowed = self.held if call not in KEEPS_OPEN else None
        threads = [] if call in ONLY else ALL_THREADS
        there = self.new_folder()
        try:
            run(self.example, self.program, [self.strace, *threads, '-e', f'trace={call}', '-e', f'inject={fault}'], there, allowed,
                call)
            self.passed += 1
        except (Stuck, Wrong) as problem:
            said = (there / 'stderr').read_text(errors='replace')[-600:]
            self.wrong.append(f'{fault}: {problem}\n    it said: {said!r}')
            print(self.wrong[-1], flush=True)
        self.hits += '(INJECTED)' in trace(there)


def main():
    words = sys.argv[1:]
    sanitized = words[0] == '--sanitized'
    strace, name, program = words[sanitized:]
    with tempfile.TemporaryDirectory() as there:
        folder = pathlib.Path(there)
        example = EXAMPLES[name](folder)
        trial = Trial(example, program, strace, folder)
        with concurrent.futures.ThreadPoolExecutor(example.at_once) as pool:
            for done in [pool.submit(trial.one, *fault) for fault in faults(trial.places, sanitized)]:
                done.result()
    wrong, total = trial.wrong, trial.passed + len(trial.wrong)
    if total == 0 or trial.hits * 10 < total * 7:
        wrong.append('')
        print(f'only {trial.hits} of {total} faults came about')
    print(f'{len(trial.places)} calls, {trial.hits} faults')
    print(f'{trial.passed} passed, {len(wrong)} failed')
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
