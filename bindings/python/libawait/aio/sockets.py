# SPDX-License-Identifier: MIT
"""The loop's sock_ methods: each tries the system's call at once, and waits for the socket only if that would block."""
import socket

from . import tls

_WOULD_BLOCK = (BlockingIOError, InterruptedError)


class SocketCalls:
    """Mixed into the loop."""
    __slots__ = ()

    def _check_socket(self, sock):
        tls.check_socket(sock)
        if self.get_debug() and sock.gettimeout() != 0:
            raise ValueError('the socket must be non-blocking')

    async def _until_ready(self, add, remove, fd):
        ready = self.create_future()

        def wake():
            if not ready.done():
                ready.set_result(None)
        add(fd, wake, ())
        self._socket_waits[add.__name__, fd] = ready
        try:
            await ready
        finally:
            # A later call may wait for the same socket by now.
            if self._socket_waits.get((add.__name__, fd)) is ready:
                del self._socket_waits[add.__name__, fd]
                remove(fd)

    async def _read(self, sock, name, *args):
        self._check_socket(sock)
        while True:
            try:
                return getattr(sock, name)(*args)
            except _WOULD_BLOCK:
                await self._until_ready(self._add_reader, self._remove_reader, sock.fileno())

    async def _write(self, sock, name, *args):
        self._check_socket(sock)
        while True:
            try:
                return getattr(sock, name)(*args)
            except _WOULD_BLOCK:
                await self._until_ready(self._add_writer, self._remove_writer, sock.fileno())

    async def sock_recv(self, sock, n):
        """Receive up to n bytes; b'' at the end of the stream."""
        return await self._read(sock, 'recv', n)

    async def sock_recv_into(self, sock, buf):
        """Receive into a buffer; returns the number of bytes."""
        return await self._read(sock, 'recv_into', buf)

    async def sock_recvfrom(self, sock, bufsize):
        """Receive a datagram; returns it and its sender's address."""
        return await self._read(sock, 'recvfrom', bufsize)

    async def sock_recvfrom_into(self, sock, buf, nbytes=0):
        """Receive a datagram into a buffer; returns the number of bytes and the sender's address."""
        return await self._read(sock, 'recvfrom_into', buf, nbytes or len(buf))

    async def sock_sendall(self, sock, data):
        """Send all of the data. After a failure or a cancellation it is not known how much was sent."""
        self._check_socket(sock)
        left = memoryview(data).cast('B')
        while left:
            left = left[await self._write(sock, 'send', left):]

    async def sock_sendto(self, sock, data, address):
        """Send a datagram; returns the number of bytes."""
        return await self._write(sock, 'sendto', data, address)

    async def sock_accept(self, sock):
        """Accept a connection; returns a non-blocking socket and the peer's address."""
        connection, address = await self._read(sock, 'accept')
        connection.setblocking(False)
        return connection, address

    async def sock_connect(self, sock, address):
        """Connect a socket. A host name is looked up first."""
        self._check_socket(sock)
        if sock.family in (socket.AF_INET, socket.AF_INET6):
            host, port = address[:2]
            found = await self.getaddrinfo(host, port, family=sock.family, type=sock.type, proto=sock.proto)
            address = found[0][4]
        try:
            sock.connect(address)
            return
        except _WOULD_BLOCK:
            pass
        await self._until_ready(self._add_writer, self._remove_writer, sock.fileno())
        error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            raise OSError(error, f'Connect call failed {address}')
