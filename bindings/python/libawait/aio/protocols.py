# SPDX-License-Identifier: MIT
"""The bases of protocols: what a transport calls."""

__all__ = ('BaseProtocol', 'BufferedProtocol', 'DatagramProtocol', 'Protocol', 'SubprocessProtocol')


class BaseProtocol:
    """What the protocols have in common."""

    __slots__ = ()

    def connection_made(self, transport):
        """The connection is there: the first call."""

    def connection_lost(self, exc):
        """The connection is closed: the last call. `exc` is None, or what ended it."""

    def pause_writing(self):
        """More than the high-water mark is queued."""

    def resume_writing(self):
        """No more than the low-water mark is queued, after pause_writing()."""


class Protocol(BaseProtocol):
    """Receives the bytes of a stream as they arrive."""

    __slots__ = ()

    def data_received(self, data):
        """Bytes have arrived."""

    def eof_received(self):
        """The peer sends no more. A true result leaves the transport open for writing."""


class BufferedProtocol(BaseProtocol):
    """Receives the bytes of a stream in memory of its own."""

    __slots__ = ()

    def get_buffer(self, sizehint):
        """Return the memory for the next bytes; `sizehint` may be -1."""

    def buffer_updated(self, nbytes):
        """So many bytes were received into that memory."""

    def eof_received(self):
        """The peer sends no more. A true result leaves the transport open for writing."""


class DatagramProtocol(BaseProtocol):
    """Receives datagrams."""

    __slots__ = ()

    def datagram_received(self, data, addr):
        """A datagram has arrived."""

    def error_received(self, exc):
        """An earlier datagram could not be sent or received."""


class SubprocessProtocol(BaseProtocol):
    """Receives what a child process writes."""

    __slots__ = ()

    def pipe_data_received(self, fd, data):
        """The child has written to pipe 1 or 2."""

    def pipe_connection_lost(self, fd, exc):
        """A pipe is closed."""

    def process_exited(self):
        """The child has exited."""
