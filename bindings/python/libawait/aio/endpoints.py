# SPDX-License-Identifier: MIT
"""The loop's methods that make connections, servers, datagram endpoints and pipes, look names up, and send files."""
import io
import os
import socket
import stat

from . import _aio, tls
from .connections import DatagramTransport, Server, StreamTransport

_SERVER_REUSE_PORT, _SERVER_KEEP_ALIVE, _SERVER_KEEP_PATH = 1, 2, 16
_CONNECT_ALL_ERRORS = 4
_DATAGRAM_REUSE_PORT, _DATAGRAM_BROADCAST, _DATAGRAM_ADOPT = 1, 4, 16
_SENDFILE_NATIVE = 1
_FILE_BLOCK = 256 * 1024


def _text(name):
    return name.decode('ascii') if isinstance(name, (bytes, bytearray)) else name


def _service(port):
    return str(port) if isinstance(port, int) else _text(port)


def _stream_socket(sock, what='Stream Socket', family=None):
    tls.check_socket(sock)
    if sock.type != socket.SOCK_STREAM or family not in (None, sock.family):
        raise ValueError(f'A {what} was expected, got {sock!r}')
    sock.setblocking(False)


def _unix_path(path):
    """The library's name of a path: the names of the abstract namespace begin with '@' there, and with a null byte here."""
    path = os.fsencode(path)
    if path[:1] == b'\0':
        return b'@' + path[1:]
    return b'./' + path if path[:1] == b'@' else path


def _check_file(file, offset, count):
    if 'b' not in getattr(file, 'mode', 'b'):
        raise ValueError('file should be opened in binary mode')
    if count is not None:
        if not isinstance(count, int):
            raise TypeError(f'count must be a positive integer (got {count!r})')
        if count <= 0:
            raise ValueError(f'count must be a positive integer (got {count!r})')
    if not isinstance(offset, int):
        raise TypeError(f'offset must be a non-negative integer (got {offset!r})')
    if offset < 0:
        raise ValueError(f'offset must be a non-negative integer (got {offset!r})')


def _regular_file(file):
    """The descriptor of a regular file, or None."""
    try:
        fd = file.fileno()
        return fd if stat.S_ISREG(os.fstat(fd).st_mode) else None
    except (AttributeError, io.UnsupportedOperation, OSError):
        return None


class EndpointCalls:
    """Mixed into the loop."""
    __slots__ = ()

    # ---- names ----

    async def getaddrinfo(self, host, port, *, family=0, type=0, proto=0, flags=0):
        """socket.getaddrinfo(), without holding up the loop."""
        if host is None and port is None:
            return socket.getaddrinfo(host, port, family, type, proto, flags)  # raises
        return await self._getaddrinfo(_text(host), _service(port), family, type, proto, flags)

    async def getnameinfo(self, sockaddr, flags=0):
        """socket.getnameinfo(), without holding up the loop."""
        family = socket.AF_INET6 if ':' in sockaddr[0] else socket.AF_INET
        return await self._getnameinfo(tuple(sockaddr[:2]) if family == socket.AF_INET else tuple(sockaddr), family, flags)

    # ---- connections ----

    async def _begin(self, transport, protocol_factory, given=None):
        """Gives the transport its protocol, with TLS between if there are options for it; returns once connection_made() has returned."""
        shown = transport
        try:
            protocol = protocol_factory()
            waiter = self.create_future()
            if given is None:
                transport._start(protocol, waiter)
            else:
                between = tls.layer(self, protocol, waiter, given)
                shown = between._get_app_transport()
                transport._start(between)
            await waiter
        except BaseException:
            shown.close()
            if shown is not transport and between._transport is None:
                transport.abort()  # the handshake has not begun, or is over: the layer does not close it
            raise
        return shown, protocol

    def _transport_of(self, sock):
        return StreamTransport._from_fd(self, sock.fileno(), sock, False)

    async def create_connection(self, protocol_factory, host=None, port=None, *, ssl=None, family=0, proto=0, flags=0, sock=None, local_addr=None,
                                server_hostname=None, ssl_handshake_timeout=None, ssl_shutdown_timeout=None, happy_eyeballs_delay=None,
                                interleave=None, all_errors=False):
        """Connect to a host and a port. Returns the transport and the protocol."""
        tls.check_options(ssl, server_hostname=server_hostname, ssl_handshake_timeout=ssl_handshake_timeout, ssl_shutdown_timeout=ssl_shutdown_timeout)
        server_hostname = tls.server_hostname_of(ssl, server_hostname, host)
        given = tls.options(ssl, ssl_handshake_timeout, ssl_shutdown_timeout, server_hostname=server_hostname)
        if host is not None or port is not None:
            if sock is not None:
                raise ValueError('host/port and sock can not be specified at the same time')
            local = (None, None) if local_addr is None else (_text(local_addr[0]), _service(local_addr[1]))
            transport = await self._open(_text(host) or None, '0' if port is None else _service(port), family, flags, *local, happy_eyeballs_delay or 0,
                                         interleave or 0, _CONNECT_ALL_ERRORS if all_errors else 0)
        else:
            if sock is None:
                raise ValueError('host and port was not specified and no sock specified')
            _stream_socket(sock)
            transport = self._transport_of(sock)
        return await self._begin(transport, protocol_factory, given)

    async def create_unix_connection(self, protocol_factory, path=None, *, ssl=None, sock=None, server_hostname=None, ssl_handshake_timeout=None,
                                     ssl_shutdown_timeout=None):
        """Connect to a Unix socket. Returns the transport and the protocol."""
        tls.check_options(ssl, server_hostname=server_hostname, ssl_handshake_timeout=ssl_handshake_timeout, ssl_shutdown_timeout=ssl_shutdown_timeout)
        if ssl and server_hostname is None:
            raise ValueError('you have to pass server_hostname when using ssl')
        given = tls.options(ssl, ssl_handshake_timeout, ssl_shutdown_timeout, server_hostname=server_hostname)
        if path is not None:
            if sock is not None:
                raise ValueError('path and sock can not be specified at the same time')
            transport = await self._open_unix(_unix_path(path))
        else:
            if sock is None:
                raise ValueError('no path and sock were specified')
            _stream_socket(sock, 'UNIX Domain Stream Socket', socket.AF_UNIX)
            transport = self._transport_of(sock)
        return await self._begin(transport, protocol_factory, given)

    async def connect_accepted_socket(self, protocol_factory, sock, *, ssl=None, ssl_handshake_timeout=None, ssl_shutdown_timeout=None):
        """Make a transport of a connection that was accepted elsewhere. Returns the transport and the protocol."""
        tls.check_options(ssl, ssl_handshake_timeout=ssl_handshake_timeout, ssl_shutdown_timeout=ssl_shutdown_timeout)
        _stream_socket(sock)
        given = tls.options(ssl, ssl_handshake_timeout, ssl_shutdown_timeout, server_side=True, server_hostname='')
        return await self._begin(self._transport_of(sock), protocol_factory, given)

    async def start_tls(self, transport, protocol, sslcontext, *, server_side=False, server_hostname=None, ssl_handshake_timeout=None,
                        ssl_shutdown_timeout=None):
        """Do the TLS handshake on a connection. Returns a new transport for the protocol, which replaces the old one."""
        return await tls.start(self, transport, protocol, sslcontext, server_side=server_side, server_hostname=server_hostname,
                               ssl_handshake_timeout=ssl_handshake_timeout, ssl_shutdown_timeout=ssl_shutdown_timeout)

    async def _pipe_transport(self, protocol_factory, pipe, only_writes):
        mode = os.fstat(pipe.fileno()).st_mode
        if not (stat.S_ISCHR(mode) or stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)):
            raise ValueError('Pipe transport is only for pipes, sockets and character devices')
        os.set_blocking(pipe.fileno(), False)
        # The file object keeps its own descriptor, and is closed once the connection is lost.
        fd = os.dup(pipe.fileno())
        try:
            transport = StreamTransport._from_fd(self, fd, pipe, True)
        except BaseException:
            os.close(fd)
            raise
        transport._kept_pipe = pipe
        transport._only_writes = only_writes
        if only_writes and stat.S_ISCHR(mode):
            transport.pause_reading()  # what a terminal brings is for others
        return await self._begin(transport, protocol_factory)

    async def connect_read_pipe(self, protocol_factory, pipe):
        """Read from a pipe, given as a file object. Returns the transport and the protocol."""
        return await self._pipe_transport(protocol_factory, pipe, False)

    async def connect_write_pipe(self, protocol_factory, pipe):
        """Write to a pipe, given as a file object. Returns the transport and the protocol."""
        return await self._pipe_transport(protocol_factory, pipe, True)

    # ---- servers ----

    async def _serve(self, c, sockets, start_serving):
        from . import tasks
        server = Server(self, c, sockets)
        if start_serving:
            server._start_serving()
            # so that a connection which waits is not accepted before the caller has the server
            await tasks.sleep(0)
        return server

    async def create_server(self, protocol_factory, host=None, port=None, *, family=socket.AF_UNSPEC, flags=socket.AI_PASSIVE, sock=None, backlog=100,
                            ssl=None, reuse_address=None, reuse_port=None, keep_alive=None, ssl_handshake_timeout=None, ssl_shutdown_timeout=None,
                            start_serving=True):
        """Listen on a host (or several) and a port. Each connection gets a protocol."""
        tls.check_server_options(ssl, ssl_handshake_timeout=ssl_handshake_timeout, ssl_shutdown_timeout=ssl_shutdown_timeout)
        given = tls.options(ssl, ssl_handshake_timeout, ssl_shutdown_timeout, server_side=True)
        # only create_unix_server() removes paths
        options = _SERVER_KEEP_PATH | (_SERVER_REUSE_PORT if reuse_port else 0) | (_SERVER_KEEP_ALIVE if keep_alive else 0)
        c = _aio.Server(self, tls.server_factory(self, protocol_factory, given), family, backlog, options)
        sockets = []
        if host is not None or port is not None:
            if sock is not None:
                raise ValueError('host/port and sock can not be specified at the same time')
            hosts = [None] if host == '' or host is None else [host] if isinstance(host, (str, bytes)) else list(host)
            try:
                for each in dict.fromkeys(hosts):
                    await c.listen(_text(each), '0' if port is None else _service(port))
            except BaseException:
                c.close()
                raise
        else:
            if sock is None:
                raise ValueError('Neither host/port nor sock were specified')
            _stream_socket(sock)
            c.listen_fd(sock.fileno())
            sockets.append(sock)
        return await self._serve(c, sockets, start_serving)

    async def create_unix_server(self, protocol_factory, path=None, *, sock=None, backlog=100, ssl=None, ssl_handshake_timeout=None,
                                 ssl_shutdown_timeout=None, start_serving=True, cleanup_socket=True):
        """Listen on a Unix socket. Each connection gets a protocol."""
        tls.check_server_options(ssl, ssl_handshake_timeout=ssl_handshake_timeout, ssl_shutdown_timeout=ssl_shutdown_timeout)
        given = tls.options(ssl, ssl_handshake_timeout, ssl_shutdown_timeout, server_side=True)
        c = _aio.Server(self, tls.server_factory(self, protocol_factory, given), 0, backlog, 0 if cleanup_socket else _SERVER_KEEP_PATH)
        sockets = []
        if path is not None:
            if sock is not None:
                raise ValueError('path and sock can not be specified at the same time')
            c.listen_unix(_unix_path(path))
        else:
            if sock is None:
                raise ValueError('path was not specified, and no sock specified')
            _stream_socket(sock, 'UNIX Domain Stream Socket', socket.AF_UNIX)
            c.listen_fd(sock.fileno())
            sockets.append(sock)
        return await self._serve(c, sockets, start_serving)

    # ---- datagrams ----

    async def create_datagram_endpoint(self, protocol_factory, local_addr=None, remote_addr=None, *, family=0, proto=0, flags=0, reuse_port=None,
                                       allow_broadcast=None, sock=None):
        """Open a datagram socket. Returns the transport and the protocol."""
        options, fd, names = 0, -1, (None,) * 6
        if sock is not None:
            if sock.type == socket.SOCK_STREAM:
                raise ValueError(f'A datagram socket was expected, got {sock!r}')
            given = {'local_addr': local_addr, 'remote_addr': remote_addr, 'family': family, 'proto': proto, 'flags': flags, 'reuse_port': reuse_port,
                     'allow_broadcast': allow_broadcast}
            problems = ', '.join(f'{name}={value}' for name, value in given.items() if value)
            if problems:
                raise ValueError(f'socket modifier keyword arguments can not be used when sock is specified. ({problems})')
            sock.setblocking(False)
            options, fd = _DATAGRAM_ADOPT, sock.fileno()
        elif family == socket.AF_UNIX:
            for address in (local_addr, remote_addr):
                if address is not None and not isinstance(address, str):
                    raise TypeError('string is expected')
            names = (None,) * 4 + tuple(None if address is None else os.fsdecode(_unix_path(address)) for address in (local_addr, remote_addr))
        else:
            if not local_addr and not remote_addr and not family:
                raise ValueError('unexpected address family')
            for address in (local_addr, remote_addr):
                if address is not None and not (isinstance(address, tuple) and len(address) == 2):
                    raise TypeError('2-tuple is expected')
            local, remote = ((None, None) if not address else (_text(address[0]), _service(address[1])) for address in (local_addr, remote_addr))
            names = local + remote + (None, None)
        options |= (_DATAGRAM_REUSE_PORT if reuse_port else 0) | (_DATAGRAM_BROADCAST if allow_broadcast else 0)
        protocol = protocol_factory()
        transport = DatagramTransport(self, protocol)
        transport._held = sock
        transport._remote = remote_addr or None
        transport._connected = bool(remote_addr) and not allow_broadcast
        try:
            await transport._open(options, family, proto, fd, *names)
        except BaseException:
            transport._held = None
            raise
        return transport, protocol

    # ---- files ----

    async def sendfile(self, transport, file, offset=0, count=None, *, fallback=True):
        """Send a file over a transport; returns the number of bytes."""
        if transport.is_closing():
            raise RuntimeError('Transport is closing')
        in_blocks = tls.sends_blocks(transport)
        if not in_blocks and not isinstance(transport, StreamTransport):
            raise RuntimeError(f'sendfile is not supported for transport {transport!r}')
        _check_file(file, offset, count)
        fd = None if in_blocks else _regular_file(file)
        if fd is not None:
            return await transport._sendfile(fd, offset, -1 if count is None else count)
        if not fallback:
            raise RuntimeError(f'fallback is disabled and native sendfile is not supported for transport {transport!r}')
        if not in_blocks:
            return await self._send_blocks(file, offset, count, transport._send)
        sender = tls.BlockSender(self, transport)
        try:
            return await self._send_blocks(file, offset, count, sender.send)
        finally:
            sender.restore()

    async def sock_sendfile(self, sock, file, offset=0, count=None, *, fallback=True):
        """Send a file over a socket; returns the number of bytes."""
        self._check_socket(sock)
        if not sock.type == socket.SOCK_STREAM:
            raise ValueError('only SOCK_STREAM type sockets are supported')
        _check_file(file, offset, count)
        fd = _regular_file(file)
        if fd is not None:
            return await self._sock_sendfile(sock.fileno(), fd, offset, -1 if count is None else count, 0 if fallback else _SENDFILE_NATIVE)
        if not fallback:
            from .exceptions import SendfileNotAvailableError
            raise SendfileNotAvailableError('not a regular file')

        async def send(block):
            await self.sock_sendall(sock, block)
        return await self._send_blocks(file, offset, count, send)

    async def _send_blocks(self, file, offset, count, send):
        """Reads what only Python can read, in a thread."""
        if hasattr(file, 'seek'):
            file.seek(offset)
        buffer = bytearray(_FILE_BLOCK if count is None else min(count, _FILE_BLOCK))
        sent = 0
        try:
            while True:
                room = len(buffer) if count is None else min(count - sent, len(buffer))
                view = memoryview(buffer)[:room]
                got = await self.run_in_executor(None, file.readinto, view) if room else 0
                if not got:
                    return sent
                await send(view[:got])
                sent += got
        finally:
            if sent and hasattr(file, 'seek'):
                file.seek(offset + sent)
