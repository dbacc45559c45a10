# SPDX-License-Identifier: MIT
"""What the loop's methods for connections return: transports and servers, over the library's streams, datagrams and servers."""
import socket
import warnings

from . import _aio, exceptions, transports

__all__ = ('AbstractServer', 'Server')


class TransportSocket:
    """The socket of a transport: to ask and to set options, not to read from, write to or close."""

    __slots__ = ('_sock',)

    def __init__(self, sock):
        self._sock = sock

    family = property(lambda self: self._sock.family)
    type = property(lambda self: self._sock.type)
    proto = property(lambda self: self._sock.proto)

    def __repr__(self):
        text = f'<libawait.aio.TransportSocket fd={self.fileno()}, family={self.family!s}, type={self.type!s}, proto={self.proto}'
        for label, get in (('laddr', self.getsockname), ('raddr', self.getpeername)):
            try:
                text += f', {label}={get()}' if self.fileno() != -1 and get() else ''
            except OSError:
                pass
        return text + '>'

    def __getstate__(self):
        raise TypeError('Cannot serialize asyncio.TransportSocket object')

    def fileno(self):
        """The descriptor, or -1."""
        return self._sock.fileno()

    def dup(self):
        """A socket of the caller's own."""
        return self._sock.dup()

    def get_inheritable(self):
        """Whether child processes inherit it."""
        return self._sock.get_inheritable()

    def shutdown(self, how):
        """Shut down one or both directions."""
        self._sock.shutdown(how)

    def getsockopt(self, *args, **kwargs):
        """Get an option."""
        return self._sock.getsockopt(*args, **kwargs)

    def setsockopt(self, *args, **kwargs):
        """Set an option."""
        self._sock.setsockopt(*args, **kwargs)

    def getpeername(self):
        """The peer's address."""
        return self._sock.getpeername()

    def getsockname(self):
        """The local address."""
        return self._sock.getsockname()

    def settimeout(self, value):
        """Only 0 is possible."""
        if value != 0:
            raise ValueError('settimeout(): only 0 timeout is allowed on transport sockets')

    def gettimeout(self):
        """Always 0."""
        return 0

    def setblocking(self, flag):
        """Only False is possible."""
        if flag:
            raise ValueError('setblocking(): transport sockets cannot be blocking')


class _Described:
    """What both kinds of transports say of themselves."""

    def get_extra_info(self, name, default=None):
        """socket, sockname, peername, or pipe."""
        if name == 'socket':
            return self._socket() or default
        if name == 'pipe' and self._pipe() is not None:
            return self._pipe()
        found = self._addresses().get(name)
        return default if found is None else found

    def _pipe(self):
        return None

    def _socket(self):
        if self._held is None:
            fd = self._fileno()
            if fd < 0 or self._pipe() is not None:
                return self.__dict__.get('_last_socket')
            try:
                self._held = socket.socket(fileno=fd)
            except OSError:
                return None  # not a socket
        shown = self.__dict__.get('_last_socket')
        if shown is None or shown._sock is not self._held:
            shown = self._last_socket = TransportSocket(self._held)
        return shown

    def set_write_buffer_limits(self, high=None, low=None):
        """Set the marks of pause_writing() and resume_writing()."""
        self._set_limits(*transports.limits(high, low))

    def __repr__(self):
        words = [type(self).__name__]
        if self._is_lost:
            words.append('closed')
        else:
            words.append(f'fd={self._fileno()}')
            if self.is_closing():
                words.append('closing')
            words.append(f'bufsize={self.get_write_buffer_size()}')
        return f"<{' '.join(words)}>"

    def __del__(self, warn=warnings.warn):
        if self._is_unclosed:
            warn(f'unclosed transport {self!r}', ResourceWarning, source=self)


class StreamTransport(_Described, _aio.Transport, transports.Transport):
    """The transport of a socket or a pipe."""

    _kept_pipe = None
    _start_tls_compatible = property(lambda self: not self._is_pipe)

    def _pipe(self):
        return self._kept_pipe

    def _socket(self):
        return None if self._is_pipe else super()._socket()

    def _addresses(self):
        return {'sockname': self._sockname, 'peername': self._peername}

    async def _send(self, data):
        """Queues data and waits until the transport has taken it."""
        await self._write_all(data)


class DatagramTransport(_Described, _aio.DatagramTransport, transports.Transport, transports.DatagramTransport):
    """The transport of a datagram socket."""

    def _addresses(self):
        return {'sockname': self._sockname, 'peername': self._peername}

    def sendto(self, data, addr=None):
        """Send a datagram, without waiting: what cannot be sent now is kept."""
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise TypeError(f'data argument must be a bytes-like object, not {type(data).__name__!r}')
        if self._remote is not None and addr not in (None, self._remote):
            raise ValueError(f'Invalid address: must be None or {self._remote}')
        self._sendto(data, None if self._connected else addr if addr is not None else self._remote)


class AbstractServer:
    """What servers have in common."""

    def close(self):
        """Stop listening."""
        raise NotImplementedError

    def close_clients(self):
        """Close all connections."""
        raise NotImplementedError

    def abort_clients(self):
        """Close all connections at once."""
        raise NotImplementedError

    def get_loop(self):
        """Return its loop."""
        raise NotImplementedError

    def is_serving(self):
        """Return whether it accepts connections."""
        raise NotImplementedError

    async def start_serving(self):
        """Accept connections from now on."""
        raise NotImplementedError

    async def serve_forever(self):
        """Accept connections until the task is cancelled."""
        raise NotImplementedError

    async def wait_closed(self):
        """Wait until it and its connections are closed."""
        raise NotImplementedError

    async def __aenter__(self):
        return self

    async def __aexit__(self, *exc):
        self.close()
        await self.wait_closed()


class Server(AbstractServer):
    """Listens, and owns the connections that it accepts. Made by create_server() and start_server()."""

    _sockets = None  # closed, or not made yet

    def __init__(self, loop, c, sockets=()):
        self._loop = loop
        self._c = c
        known = {sock.fileno(): sock for sock in sockets}
        self._sockets = [known.get(fd) or socket.socket(fileno=fd) for fd in c.descriptors()]
        self._ends = None  # what serve_forever() waits for

    def __repr__(self):
        return f'<{type(self).__name__} sockets={self.sockets!r}>'

    @property
    def sockets(self):
        """The sockets that it listens on."""
        return () if self._sockets is None else tuple(TransportSocket(sock) for sock in self._sockets)

    def get_loop(self):
        """Its loop."""
        return self._loop

    def is_serving(self):
        """Whether it accepts connections."""
        return self._c.is_serving()

    def _check(self):
        if self._sockets is None:
            raise RuntimeError(f'server {self!r} is closed')

    def _start_serving(self):
        if self._sockets is not None:
            self._c.start_serving()

    def _forget_sockets(self):
        sockets, self._sockets = self._sockets, None
        for sock in sockets or ():
            sock.detach()  # the library closes the descriptor

    def close(self):
        """Stop listening. Connections stay open."""
        if self._sockets is not None:
            self._forget_sockets()
            self._c.close()
            if self._ends is not None and not self._ends.done():
                self._ends.cancel()
                self._ends = None

    def close_clients(self):
        """Close all connections, after what they have queued was sent."""
        self._c.close_clients()

    def abort_clients(self):
        """Close all connections at once."""
        self._c.abort_clients()

    async def start_serving(self):
        """Accept connections from now on."""
        from . import tasks
        self._start_serving()
        await tasks.sleep(0)

    async def serve_forever(self):
        """Accept connections until the task is cancelled, which closes the server; CancelledError also if it is closed otherwise."""
        if self._ends is not None:
            raise RuntimeError(f'server {self!r} is already being awaited on serve_forever()')
        self._check()
        self._start_serving()
        self._ends = self._loop.create_future()
        try:
            await self._ends
        except exceptions.CancelledError:
            try:
                self.close()
                # As in asyncio, without a connection it ends at once; the library closes the listeners in the next iteration.
                if self._c.connections():
                    await self.wait_closed()
            finally:
                raise
        finally:
            self._ends = None

    async def wait_closed(self):
        """Wait until the server is closed and all its connections are."""
        await self._c.wait_closed()

    def __del__(self):
        # The listening descriptors are the library's, also when nobody refers to the server any more.
        self._forget_sockets()
