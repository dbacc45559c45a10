# SPDX-License-Identifier: MIT
"""The workloads with a server in a process of its own: who serves, what is asked of it, and how one sample is taken.

A server runs on one processor, its client on another. In each round every server of a case runs once, in an order that rotates.
"""
import contextlib
import dataclasses
import functools
import http.client
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
DEBIAN_CRATES = "/usr/share/cargo/registry"
NOT_USABLE = 77
SERVER_PROCESSOR, CLIENT_PROCESSOR = {0}, {1}


@dataclasses.dataclass(frozen=True)
class Server:
    """{build}, {source} and the like in a command are replaced; {listener} by the number of a descriptor, {port} by a free port."""
    name: str
    command: tuple
    beside: str  # whom it is compared with
    backend: str = ""
    everywhere: bool = True  # or only in the cases with all servers
    built: tuple = ()  # how it is built: ("go", source) or ("cargo", folder)


@dataclasses.dataclass(frozen=True)
class Case:
    name: str
    connections: int
    size: int = 0  # of a message
    in_flight: int = 1
    file: str = ""  # that is asked for, by HTTP
    has_all: bool = False  # also the servers that add nothing to the other cases
    shared: bool = False  # the client is on the server's processor
    mode: str = ""  # of the TLS client


@dataclasses.dataclass(frozen=True)
class Sample:
    """One run of a server. Times are nanoseconds."""
    rate: float
    median: float
    high: float  # the 99th percentile
    processor: float  # the server's time for one reply


def echoes():
    for form in ("protocol", "stream", "queue"):
        for backend in ("epoll", "uring", "uv", "ev"):
            label = {"protocol": "protocol", "stream": "stream", "queue": "completion queue"}[form]
            yield Server(f"libawait, {label}, {backend}", ("{build}/benchmarks/bench-echo-await", form, backend, "{listener}"),
                         "raw liburing" if backend == "uring" else "raw epoll", everywhere=backend in ("epoll", "uring"))
    for name, program in (("raw epoll", "epoll"), ("raw liburing", "uring"), ("libuv", "uv"), ("libevent", "event"), ("Boost.Asio", "asio")):
        yield Server(name, ("{build}/benchmarks/bench-echo-" + program, "{listener}"), "raw epoll", everywhere=name.startswith("raw"))
    yield Server("Go", ("{build}/benchmarks/servers/echo-go", "{listener}"), "raw epoll", built=("go", "echo"), everywhere=False)
    yield Server("tokio", ("{build}/benchmarks/servers/release/echo-tokio", "{listener}"), "raw epoll", built=("cargo", "servers/tokio"))
    yield Server("Node", ("{node}", "{source}/servers/echo.js", "{listener}"), "raw epoll", everywhere=False)
    for name in ("uvloop", "asyncio"):
        yield Server(name, ("{python}", "{source}/servers/echo.py", name, "{listener}"), "raw epoll", everywhere=False)


def https():
    for backend in ("epoll", "uring"):
        yield Server(f"libawait, {backend}", ("{build}/examples/http_server", "-a", "127.0.0.1", "-p", "{port}", "{files}"), "nginx", backend)
    yield Server("nginx", ("{nginx}", "-e", "/dev/null", "-c", "{files}/nginx.conf"), "nginx")
    yield Server("Go net/http", ("{build}/benchmarks/servers/http-go", "{listener}", "{files}"), "nginx", built=("go", "http"), everywhere=False)
    yield Server("hyper", ("{build}/benchmarks/servers/release/http-hyper", "{listener}", "{files}"), "nginx", built=("cargo", "servers/hyper"))
    yield Server("Node", ("{node}", "{source}/servers/http.js", "{listener}", "{files}"), "nginx", everywhere=False)


def tlses():
    for backend in ("epoll", "uring"):
        yield Server(f"libawait, {backend}", ("{build}/examples/http_server", "-a", "127.0.0.1", "-p", "{port}", "-t", "{files}/cert.pem",
                                              "-k", "{files}/key.pem", "{files}"), "nginx", backend)
    yield Server("nginx", ("{nginx}", "-e", "/dev/null", "-c", "{files}/nginx.conf"), "nginx")
    yield Server("Go net/http", ("{build}/benchmarks/servers/http-go", "{listener}", "{files}", "{files}/cert.pem", "{files}/key.pem"), "nginx",
                 built=("go", "http"))


def datagrams():
    for form, label in (("many", "aw_datagram_recv_many"), ("protocol", "protocol")):
        for backend in ("epoll", "uring"):
            yield Server(f"libawait, {label}, {backend}", ("{build}/benchmarks/bench-datagrams-await", form, backend, "{listener}"),
                         "raw epoll, recvmmsg")
    for name, form in (("raw epoll, recvmmsg", "epoll"), ("raw recvmmsg, blocking", "blocking")):
        yield Server(name, ("{build}/benchmarks/bench-datagrams-raw", form, "{listener}"), "raw epoll, recvmmsg")


def proxies():
    for backend in ("epoll", "uring"):
        yield Server(f"libawait, aw_stream_copy, {backend}", ("{build}/benchmarks/bench-proxy-await", backend, "{listener}", "{behind}"), "raw splice")
    yield Server("raw splice", ("{build}/benchmarks/bench-proxy-splice", "{listener}", "{behind}"), "raw splice")


def shared():
    for loops in (1, 2):
        for backend in ("epoll", "uring"):
            for form in ("threads", "processes")[:loops]:
                what = f"{loops} {form}" if loops > 1 else "1 loop"
                yield Server(f"libawait, {what}, {backend}", ("{build}/benchmarks/bench-echo-await", form, backend, "{port}", str(loops)),
                             f"libawait, 1 loop, {backend}")
        yield Server(f"raw epoll, {loops} process{'es' if loops > 1 else ''}", ("{build}/benchmarks/bench-echo-epoll", "{port}", str(loops)),
                     "raw epoll, 1 process")


NGINX = """
daemon off; master_process off; worker_processes 1; pid {folder}/nginx.pid;
events {{ worker_connections 4096; }}
http {{
    access_log /dev/null; sendfile on; tcp_nopush on; keepalive_requests 1000000000; default_type application/octet-stream;
    client_body_temp_path {folder}/t; proxy_temp_path {folder}/t; fastcgi_temp_path {folder}/t; uwsgi_temp_path {folder}/t; scgi_temp_path {folder}/t;
    server {{ listen 127.0.0.1:{port}{options} backlog=4096; root {folder}; {more} }}
}}
"""
NGINX_TLS = "ssl_protocols TLSv1.3; ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem;"


def missing_program(program):
    """Why it can't be run, or an empty string."""
    if shutil.which(program):
        return ""
    return f"{pathlib.Path(program).name}: " + ("not built: what it needs is not installed" if "/benchmarks/" in program else "not installed")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_it_listens(port, process):
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.01)
    sys.exit(f"{process.args[0]} does not listen")


def warm_up(port, file):
    """For what compiles while it runs: as many requests as that takes, one by one."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port)) as client:
        for _ in range(200):
            client.request("GET", f"/{file}")
            client.getresponse().read()


def start(command, environment, on, keep=(), is_client=False):
    """Starts a program on some of the processors, with as many descriptors as it may have."""
    def before():
        usable = os.sched_getaffinity(0)
        if on <= usable:
            os.sched_setaffinity(0, on)
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return subprocess.Popen(command, env=environment, preexec_fn=before, pass_fds=keep, text=True, start_new_session=True,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE if is_client else subprocess.DEVNULL)


@contextlib.contextmanager
def running(command, environment, on, keep=(), is_client=False):
    process = start(command, environment, on, keep, is_client)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def processor_time(process):
    """Of all threads of a process, in nanoseconds: the clock of clock_getcpuclockid(3)."""
    return time.clock_gettime_ns(~process.pid << 3 | 2)


def build(names, environment, how, what):
    """Builds a program of another language, in Go or from Debian's crates; why it can't be, or an empty string."""
    into = pathlib.Path(names["build"], "benchmarks", "servers")
    into.mkdir(exist_ok=True)
    tool = shutil.which(names[how])
    if not tool:
        return f"{how} is not installed"
    if how == "go":
        command = [tool, "build", "-o", str(into / f"{what}-go"), f"servers/{what}.go"]
        environment = environment | {"GO111MODULE": "off", "GOFLAGS": "", "GOTELEMETRY": "off"}
        folder = HERE
    else:
        # A copy, since cargo writes a lock file beside the manifest.
        folder = into / pathlib.Path(what).name
        shutil.copytree(HERE / what, folder, dirs_exist_ok=True)
        command = [tool, "--config", 'source.crates-io.replace-with="debian"', "--config", f'source.debian.directory="{DEBIAN_CRATES}"',
                   "build", "--release", "--offline", "--quiet", "--target-dir", str(into)]
    done = subprocess.run(command, cwd=folder, env=environment, text=True, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if not done.returncode:
        return ""
    print(done.stdout, file=sys.stderr)
    return "it could not be built"


class Section:
    """A group of cases that the same servers serve."""
    ROUNDS = 9
    SECONDS = 0.1  # for one sample: many short rounds tell more than few long ones
    NEVER = {}  # peers that can't be measured here, and why

    def __init__(self, names, environment):
        self.names, self.environment = names, environment
        self.samples = {}  # by case, and then by server; in the order of the rounds
        self.left_out = {}  # the reason, by the server's name

    def servers(self):
        """Everybody that could serve."""
        raise NotImplementedError

    def measure(self, server, case, seconds):
        """One sample; None if the server can't be used here."""
        raise NotImplementedError

    def filled(self, command, **more):
        return [part.format_map(self.names | more) for part in command]

    def missing(self, server):
        """Builds a server; why it can't be run, or an empty string."""
        if server.built:
            problem = build(self.names, self.environment, *server.built)
            if problem:
                return problem
        return missing_program(self.filled(server.command[:1])[0])

    def plan(self, cases, pattern):
        """Who serves each case: what matches the pattern, as "CASE: SERVER", and whom that is compared with; without one, who adds something."""
        plan = {}
        for case in cases:
            matching = [server for server in self.servers() if re.search(pattern, f"{case.name}: {server.name}")
                        and (pattern or case.has_all or server.everywhere)]
            wanted = {server.name for server in matching} | {server.beside for server in matching}
            if wanted:
                plan[case] = [server for server in self.servers() if server.name in wanted]
        return plan

    def run(self, cases, pattern, rounds, seconds):
        """All rounds of all cases."""
        plan = self.plan(cases, pattern)
        for server in self.servers():
            if any(server in servers for servers in plan.values()) and (reason := self.missing(server)):
                self.left_out[server.name] = reason
        for number in range(rounds):
            print(f"round {number + 1} of {rounds}", file=sys.stderr)
            for case, servers in plan.items():
                turn = number % len(servers)
                for server in servers[turn:] + servers[:turn]:
                    if server.name in self.left_out:
                        continue
                    sample = self.measure(server, case, seconds)
                    if sample:
                        self.samples.setdefault(case, {}).setdefault(server, []).append(sample)
                    else:
                        self.left_out[server.name] = "it can't be used here"
        if not pattern:
            self.left_out |= self.NEVER

    def works(self):
        """The samples, as results.py keeps them."""
        order = [server.name for server in self.servers()]
        return [{"work": case.name, "unit": "replies/s", "lines": [
            {"who": server.name, "beside": server.beside, "samples": [[round(value, 1) for value in dataclasses.astuple(sample)] for sample in samples]}
            for server, samples in sorted(servers.items(), key=lambda pair: order.index(pair[0].name))]} for case, servers in self.samples.items()]


class Echo(Section):
    """Messages that come back."""
    TRANSPORT = "tcp"
    NEVER = {"monoio": "not among Debian's crates", "compio": "not among Debian's crates"}
    CASES = [Case("64 B, 1", 1, 64, shared=True), Case("64 B, 50", 50, 64, has_all=True), Case("64 B, 500", 500, 64), Case("64 B, 5,000", 5000, 64),
             Case("64 B, 50, 16 in flight", 50, 64, 16), Case("4 KiB, 50", 50, 4 << 10), Case("64 KiB, 50", 50, 64 << 10, has_all=True),
             Case("1 MiB, 5", 5, 1 << 20)]
    QUICK = ["64 B, 50"]

    def servers(self):
        return list(echoes())

    @staticmethod
    def listen():
        """The socket that the server inherits."""
        return socket.create_server(("127.0.0.1", 0), backlog=4096)

    def more(self):
        """What else a server's command needs."""
        return contextlib.nullcontext({})

    def measure(self, server, case, seconds):
        with self.more() as more, self.listen() as listener:
            listener.setblocking(False)
            command = self.filled(server.command, listener=listener.fileno(), **more)
            with running(command, self.environment, SERVER_PROCESSOR, (listener.fileno(),)) as process:
                port = listener.getsockname()[1]
                on = SERVER_PROCESSOR if case.shared else CLIENT_PROCESSOR
                return self.load(server, case, seconds, port, process, on, [process.pid])

    def client(self, case, port, seconds):
        """The command of the client."""
        return self.filled(["{build}/benchmarks/bench-load", self.TRANSPORT]) + [
            str(value) for value in (port, case.connections, case.size, case.in_flight, seconds)]

    def load(self, server, case, seconds, port, process, on, counted):
        """The client, on some processors; what it says. The processor time is that of the processes `counted`."""
        client = self.client(case, port, seconds) + list(map(str, counted))
        with running(client, self.environment, on, is_client=True) as load:
            while load.poll() is None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    load.wait(0.1)
                # Its client waits for it in vain.
                if process.poll() == NOT_USABLE:
                    return None
                if process.poll() is not None:
                    sys.exit(f"{server.name} has ended: {process.returncode}")
            text = load.stdout.read()
        if load.returncode:
            sys.exit(f"{server.name}, {case.name}: the client failed")
        return Sample(*map(float, text.split()))


class Cores(Echo):
    """Several loops on one port. The servers and the client share all processors."""
    NEVER = {}
    CASES = [Case("64 B, 50", 50, 64), Case("64 B, 500", 500, 64), Case("64 KiB, 50", 50, 64 << 10)]
    QUICK = ["64 B, 50"]
    ROUNDS = 5

    def servers(self):
        return list(shared())

    def measure(self, server, case, seconds):
        port, everywhere = free_port(), os.sched_getaffinity(0)
        with running(self.filled(server.command, port=port), self.environment, everywhere) as process:
            wait_until_it_listens(port, process)
            time.sleep(0.1)  # all of them listen
            children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            return self.load(server, case, seconds, port, process, everywhere, [process.pid, *children])


class Datagrams(Echo):
    """The same over UDP."""
    NEVER = {}
    TRANSPORT = "udp"
    CASES = [Case("64 B, 1", 1, 64, shared=True), Case("64 B, 50", 50, 64), Case("64 B, 4, 64 in flight", 4, 64, 64), Case("1,400 B, 50", 50, 1400)]
    QUICK = ["64 B, 50"]

    def servers(self):
        return list(datagrams())

    @staticmethod
    def listen():
        listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        # As much as anyone may have: a datagram that finds it full is lost.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        listener.bind(("127.0.0.1", 0))
        return listener


class Proxy(Echo):
    """The same messages through a proxy, to an echo server that shares the client's processor."""
    NEVER = {}
    CASES = [Case("64 B, 50", 50, 64), Case("16 KiB, 50", 50, 16 << 10), Case("1 MiB, 5", 5, 1 << 20)]
    QUICK = ["16 KiB, 50"]

    def servers(self):
        return list(proxies())

    @contextlib.contextmanager
    def more(self):
        with socket.create_server(("127.0.0.1", 0), backlog=4096) as listener:
            listener.setblocking(False)
            command = self.filled(["{build}/benchmarks/bench-echo-epoll", "{listener}"], listener=listener.fileno())
            with running(command, self.environment, CLIENT_PROCESSOR, (listener.fileno(),)):
                yield {"behind": listener.getsockname()[1]}


class Http(Section):
    """Files, asked for by wrk."""
    CASES = [Case(f"{size} KiB, {connections}", connections, file=f"{size}k", has_all=connections == 50)
             for size in (1, 100) for connections in (50, 500)]
    QUICK = ["1 KiB, 50"]
    ROUNDS = 4
    SECONDS = 1  # wrk knows whole seconds

    def servers(self):
        return list(https())

    def missing(self, server):
        return super().missing(server) if shutil.which("wrk") else "its client, wrk, is not installed"

    def measure(self, server, case, seconds):
        with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0), backlog=4096) as listener:
            files = pathlib.Path(folder)
            for size in (1, 100):
                (files / f"{size}k").write_bytes(os.urandom(size << 10))
            has_listener = "{listener}" in server.command
            port = listener.getsockname()[1] if has_listener else free_port()
            (files / "nginx.conf").write_text(NGINX.format(port=port, folder=folder, options="", more=""))
            command = self.filled(server.command, listener=listener.fileno(), port=port, files=folder)
            environment = self.environment | {"AWAIT_BACKEND": server.backend or "epoll"}
            with running(command, environment, SERVER_PROCESSOR, (listener.fileno(),) if has_listener else ()) as process:
                wait_until_it_listens(port, process)
                warm_up(port, case.file)
                used = processor_time(process)
                with running(["wrk", "--latency", "-t", "1", "-c", str(case.connections), "-d", str(max(1, round(seconds))),
                              f"http://127.0.0.1:{port}/{case.file}"], self.environment, CLIENT_PROCESSOR, is_client=True) as client:
                    text = client.communicate()[0]
                return self.parsed(text, processor_time(process) - used, f"{server.name}, {case.name}")

    @staticmethod
    def parsed(text, used, who):
        """wrk prints times as `12.34us`, `1.20ms` or `1.00s`."""
        words, units = text.split(), {"us": 1e3, "ms": 1e6, "s": 1e9}

        def after(word):
            value = words[words.index(word) + 1]
            number = value.rstrip("mus")
            return float(number) * units[value[len(number):]]
        if "Non-2xx" in text or "Socket errors" in text or "Requests/sec:" not in words:
            sys.exit(f"{who}: {text}")
        requests = float(words[words.index("requests") - 1])
        return Sample(float(words[words.index("Requests/sec:") + 1]), after("50%"), after("99%"), used / requests)


class Tls(Echo):
    """Files by HTTPS, with a handshake for each or on connections that stay open."""
    NEVER = {}
    CASES = [Case("1 KiB, full handshake", 10, file="1k", mode="full"), Case("1 KiB, resumed session", 10, file="1k", mode="resumed"),
             Case("1 MiB, 1 connection", 1, file="1024k", mode="kept"), Case("1 MiB, 10 connections", 10, file="1024k", mode="kept")]
    QUICK = ["1 KiB, full handshake", "1 MiB, 10 connections"]
    SECONDS = 0.15  # for some hundred handshakes

    def servers(self):
        return list(tlses())

    def missing(self, server):
        tools = self.filled(["openssl", "{build}/benchmarks/bench-load-tls"])
        return super().missing(server) or next(filter(None, map(missing_program, tools)), "")

    def client(self, case, port, seconds):
        return self.filled(["{build}/benchmarks/bench-load-tls", case.mode]) + [str(value) for value in (port, case.connections, case.file, seconds)]

    @functools.cached_property
    def certificate(self):
        """The key and the certificate that all servers use."""
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                            "/CN=localhost", "-keyout", "key.pem", "-out", "cert.pem"], cwd=folder, check=True, stderr=subprocess.DEVNULL)
            return {name: pathlib.Path(folder, name).read_bytes() for name in ("key.pem", "cert.pem")}

    def measure(self, server, case, seconds):
        with tempfile.TemporaryDirectory() as folder, self.listen() as listener:
            files = pathlib.Path(folder)
            for size in (1, 1024):
                (files / f"{size}k").write_bytes(os.urandom(size << 10))
            for name, text in self.certificate.items():
                (files / name).write_bytes(text)
            has_listener = "{listener}" in server.command
            port = listener.getsockname()[1] if has_listener else free_port()
            (files / "nginx.conf").write_text(NGINX.format(port=port, folder=folder, options=" ssl", more=NGINX_TLS.format(folder=folder)))
            command = self.filled(server.command, listener=listener.fileno(), port=port, files=folder)
            environment = self.environment | {"AWAIT_BACKEND": server.backend or "epoll"}
            with running(command, environment, SERVER_PROCESSOR, (listener.fileno(),) if has_listener else ()) as process:
                wait_until_it_listens(port, process)
                return self.load(server, case, seconds, port, process, CLIENT_PROCESSOR, [process.pid])


SECTIONS = {"echo": Echo, "http": Http, "tls": Tls, "datagrams": Datagrams, "proxy": Proxy, "cores": Cores}
