# SPDX-License-Identifier: MIT
"""Streams: readers and writers over transports."""
import collections
import warnings
import weakref

from . import coroutines, events, protocols
from ._support import extract_stack
from .exceptions import IncompleteReadError, LimitOverrunError

__all__ = ('StreamReader', 'StreamReaderProtocol', 'StreamWriter', 'open_connection', 'open_unix_connection', 'start_server', 'start_unix_server')

_DEFAULT_LIMIT = 2 ** 16


async def open_connection(host=None, port=None, *, limit=_DEFAULT_LIMIT, **options):
    """create_connection() whose result is a StreamReader and a StreamWriter."""
    return await _open(events.get_running_loop().create_connection, (host, port), limit, options)


async def open_unix_connection(path=None, *, limit=_DEFAULT_LIMIT, **options):
    """create_unix_connection() whose result is a StreamReader and a StreamWriter."""
    return await _open(events.get_running_loop().create_unix_connection, (path,), limit, options)


async def _open(create, where, limit, options):
    loop = events.get_running_loop()
    reader = StreamReader(limit=limit, loop=loop)
    protocol = StreamReaderProtocol(reader, loop=loop)
    transport, _ = await create(lambda: protocol, *where, **options)
    return reader, StreamWriter(transport, protocol, reader, loop)


async def start_server(client_connected_cb, host=None, port=None, *, limit=_DEFAULT_LIMIT, **options):
    """create_server() that calls client_connected_cb(reader, writer) for each connection; a coroutine becomes a task."""
    loop = events.get_running_loop()
    return await loop.create_server(_factory(client_connected_cb, limit, loop), host, port, **options)


async def start_unix_server(client_connected_cb, path=None, *, limit=_DEFAULT_LIMIT, **options):
    """create_unix_server() that calls client_connected_cb(reader, writer) for each connection; a coroutine becomes a task."""
    loop = events.get_running_loop()
    return await loop.create_unix_server(_factory(client_connected_cb, limit, loop), path, **options)


def _factory(client_connected_cb, limit, loop):
    def factory():
        return StreamReaderProtocol(StreamReader(limit=limit, loop=loop), client_connected_cb, loop=loop)
    return factory


class FlowControlMixin(protocols.Protocol):
    """The part of a protocol that drain() waits on."""

    def __init__(self, loop=None):
        self._loop = events.get_event_loop() if loop is None else loop
        self._paused = False
        self._drain_waiters = collections.deque()
        self._connection_lost = False

    def pause_writing(self):
        assert not self._paused
        self._paused = True

    def resume_writing(self):
        assert self._paused
        self._paused = False
        self._end_drains(None)

    def connection_lost(self, exc):
        self._connection_lost = True
        if self._paused:
            self._end_drains(exc)

    def _end_drains(self, exc):
        for waiter in self._drain_waiters:
            if not waiter.done():
                if exc is None:
                    waiter.set_result(None)
                else:
                    waiter.set_exception(exc)

    async def _drain_helper(self):
        if self._connection_lost:
            raise ConnectionResetError('Connection lost')
        if not self._paused:
            return
        waiter = self._loop.create_future()
        self._drain_waiters.append(waiter)
        try:
            await waiter
        finally:
            self._drain_waiters.remove(waiter)

    def _get_close_waiter(self, stream):
        raise NotImplementedError


class StreamReaderProtocol(FlowControlMixin):
    """Feeds what arrives to a StreamReader, and calls client_connected_cb(reader, writer) when the connection is there."""

    def __init__(self, stream_reader, client_connected_cb=None, loop=None):
        super().__init__(loop=loop)
        self._reader = self._reader_kept = None
        if stream_reader is not None:
            # A transport keeps its protocol, so only the program keeps the reader, except until the callback has it.
            self._reader = weakref.ref(stream_reader, self._reader_dropped)
            if client_connected_cb is not None:
                self._reader_kept = stream_reader
        self._client_connected_cb = client_connected_cb
        self._over_tls = False
        self._refuse = False  # the reader was dropped before there was a connection
        self._transport = None
        self._task = None
        self._stack = getattr(stream_reader, '_source_traceback', None)
        self._closed = self._loop.create_future()

    def _reader_dropped(self, _):
        if self._transport is None:
            self._refuse = True
        elif not self._transport.is_closing():
            context = {'message': 'An open stream object is being garbage collected; call "stream.close()" explicitly.'}
            if self._stack:
                context['source_traceback'] = self._stack
            self._loop.call_exception_handler(context)
            self._transport.abort()
        self._reader = None

    @property
    def _stream_reader(self):
        return self._reader and self._reader()

    def connection_made(self, transport):
        if self._refuse:
            self._loop.call_exception_handler({
                'message': 'An open stream was garbage collected prior to establishing network connection; call "stream.close()" explicitly.'})
            transport.abort()
            return
        self._transport = transport
        self._over_tls = transport.get_extra_info('sslcontext') is not None
        reader = self._stream_reader
        if reader is not None:
            reader.set_transport(transport)
        if self._client_connected_cb is None:
            return
        writer = StreamWriter(transport, self, reader, self._loop)
        serving = self._client_connected_cb(reader, writer)
        if coroutines.iscoroutine(serving):
            self._task = self._loop.create_task(serving)
            self._task.add_done_callback(self._served)
        self._reader_kept = None

    def _served(self, task):
        transport = self._transport
        if task.cancelled():
            if transport is not None:
                transport.close()
            return
        failure = task.exception()
        if failure is not None:
            self._loop.call_exception_handler({'message': 'Unhandled exception in client_connected_cb', 'exception': failure, 'transport': transport})
            if transport is not None:
                transport.close()

    def connection_lost(self, exc):
        reader = self._stream_reader
        if reader is not None:
            if exc is None:
                reader.feed_eof()
            else:
                reader.set_exception(exc)
        if not self._closed.done():
            if exc is None:
                self._closed.set_result(None)
            else:
                self._closed.set_exception(exc)
        super().connection_lost(exc)
        self._reader = None
        self._task = None
        self._transport = None

    def data_received(self, data):
        reader = self._stream_reader
        if reader is not None:
            reader.feed_data(data)

    def eof_received(self):
        reader = self._stream_reader
        if reader is not None:
            reader.feed_eof()
        return not self._over_tls  # which cannot stay open in one direction

    def _replace_transport(self, transport):
        """TLS was started: the new transport is the one to pause and close."""
        self._transport = transport
        self._over_tls = True
        reader = self._stream_reader
        if reader is not None:
            reader._transport = transport

    def _get_close_waiter(self, stream):
        return self._closed

    def __del__(self):
        closed = getattr(self, '_closed', None)
        if closed is not None and closed.done() and not closed.cancelled():
            closed.exception()  # as if it had been retrieved


class StreamWriter:
    """Writes to a transport."""

    def __init__(self, transport, protocol, reader, loop):
        self._transport = transport
        self._protocol = protocol
        self._reader = reader
        self._loop = loop
        self._complete_fut = loop.create_future()
        self._complete_fut.set_result(None)

    def __repr__(self):
        words = [type(self).__name__, f'transport={self._transport!r}']
        if self._reader is not None:
            words.append(f'reader={self._reader!r}')
        return f"<{' '.join(words)}>"

    @property
    def transport(self):
        """The transport."""
        return self._transport

    def write(self, data):
        """Write data, without waiting."""
        self._transport.write(data)

    def writelines(self, data):
        """Write each item of an iterable."""
        self._transport.writelines(data)

    def write_eof(self):
        """End the outgoing direction once everything is written."""
        return self._transport.write_eof()

    def can_write_eof(self):
        """Whether write_eof() is possible."""
        return self._transport.can_write_eof()

    def close(self):
        """Close the stream once everything is written."""
        return self._transport.close()

    def is_closing(self):
        """Whether the stream is closed or closing."""
        return self._transport.is_closing()

    async def wait_closed(self):
        """Wait until the stream is closed; raises what ended the connection."""
        await self._protocol._get_close_waiter(self)

    def get_extra_info(self, name, default=None):
        """Something about the transport, by its name."""
        return self._transport.get_extra_info(name, default)

    async def drain(self):
        """Wait until it is time to write more; raises the error if the connection is lost."""
        if self._reader is not None:
            failure = self._reader.exception()
            if failure is not None:
                raise failure
        if self._transport.is_closing():
            # Lets the loop call connection_lost(), so that a program which only writes and drains hears of it.
            from . import tasks
            await tasks.sleep(0)
        await self._protocol._drain_helper()

    async def start_tls(self, sslcontext, *, server_hostname=None, ssl_handshake_timeout=None, ssl_shutdown_timeout=None):
        """Do the TLS handshake on the connection, after what is queued was sent."""
        protocol = self._protocol
        await self.drain()
        self._transport = await self._loop.start_tls(
            self._transport, protocol, sslcontext, server_side=protocol._client_connected_cb is not None, server_hostname=server_hostname,
            ssl_handshake_timeout=ssl_handshake_timeout, ssl_shutdown_timeout=ssl_shutdown_timeout)
        protocol._replace_transport(self._transport)

    def __del__(self, warnings=warnings):
        transport = getattr(self, '_transport', None)
        if transport is None or transport.is_closing():
            return
        if self._loop.is_closed():
            warnings.warn('loop is closed', ResourceWarning)
        else:
            self.close()
            warnings.warn(f'unclosed {self!r}', ResourceWarning)


class StreamReader:
    """What has arrived, until somebody reads it. Beyond twice the limit the transport is paused."""

    _source_traceback = None

    def __init__(self, limit=_DEFAULT_LIMIT, loop=None):
        if limit <= 0:
            raise ValueError('Limit cannot be <= 0')
        self._limit = limit
        self._loop = events.get_event_loop() if loop is None else loop
        self._buffer = bytearray()
        self._eof = False
        self._waiter = None  # of the one task that waits for data
        self._exception = None
        self._transport = None
        self._paused = False
        if self._loop.get_debug():
            self._source_traceback = extract_stack()

    def __repr__(self):
        words = ['StreamReader']
        if self._buffer:
            words.append(f'{len(self._buffer)} bytes')
        if self._eof:
            words.append('eof')
        if self._limit != _DEFAULT_LIMIT:
            words.append(f'limit={self._limit}')
        for name in ('waiter', 'exception', 'transport'):
            value = getattr(self, f'_{name}')
            if value:
                words.append(f'{name}={value!r}')
        if self._paused:
            words.append('paused')
        return f"<{' '.join(words)}>"

    # ---- what a protocol calls ----

    def exception(self):
        """The exception that was set, or None."""
        return self._exception

    def set_exception(self, exc):
        """Fail the read that waits, and all later ones."""
        self._exception = exc
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.cancelled():
            waiter.set_exception(exc)

    def set_transport(self, transport):
        """Set the transport that is paused when too much has arrived."""
        assert self._transport is None, 'Transport already set'
        self._transport = transport

    def feed_data(self, data):
        """Add bytes."""
        assert not self._eof, 'feed_data after feed_eof'
        if not data:
            return
        self._buffer += data
        self._wake()
        if self._transport is not None and not self._paused and len(self._buffer) > 2 * self._limit:
            try:
                self._transport.pause_reading()
            except NotImplementedError:
                self._transport = None  # it cannot be paused
            else:
                self._paused = True

    def feed_eof(self):
        """Mark the end."""
        self._eof = True
        self._wake()

    def at_eof(self):
        """Whether the end has arrived and everything before it was read."""
        return self._eof and not self._buffer

    def _wake(self):
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.cancelled():
            waiter.set_result(None)

    # ---- reading ----

    def _resume(self):
        if self._paused:
            self._paused = False
            self._transport.resume_reading()

    async def _wait_for_data(self, what):
        if self._waiter is not None:
            raise RuntimeError(f'{what}() called while another coroutine is already waiting for incoming data')
        assert not self._eof, '_wait_for_data after EOF'
        self._resume()
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _check(self):
        if self._exception is not None:
            raise self._exception

    def _take(self, count):
        """Remove bytes from the front."""
        data = bytes(memoryview(self._buffer)[:count])
        del self._buffer[:count]
        if len(self._buffer) <= self._limit:
            self._resume()
        return data

    def _take_at_end(self):
        data = bytes(self._buffer)
        self._buffer.clear()
        return data

    async def read(self, n=-1):
        """Read up to n bytes, as soon as any are there; -1: everything up to the end."""
        self._check()
        if n == 0:
            return b''
        if n < 0:
            blocks = []
            while block := await self.read(self._limit):
                blocks.append(block)
            return b''.join(blocks)
        if not self._buffer and not self._eof:
            await self._wait_for_data('read')
        return self._take(n)

    async def readexactly(self, n):
        """Read n bytes, or raise IncompleteReadError if the stream ends before."""
        if n < 0:
            raise ValueError('readexactly size can not be less than zero')
        self._check()
        while len(self._buffer) < n:
            if self._eof:
                raise IncompleteReadError(self._take_at_end(), n)
            await self._wait_for_data('readexactly')
        return self._take(n)

    async def readuntil(self, separator=b'\n'):
        """Read up to and including a separator, or the first of a tuple of them."""
        separators = sorted(separator, key=len) if isinstance(separator, tuple) else [separator]
        if not separators:
            raise ValueError('Separator should contain at least one element')
        if not separators[0]:
            raise ValueError('Separator should be at least one-byte string')
        self._check()
        longest, looked = len(separators[-1]), 0
        while True:
            found = None  # (where it ends, where it begins)
            for each in separators:
                at = self._buffer.find(each, looked)
                if at >= 0 and (found is None or at + len(each) < found[0]):
                    found = at + len(each), at
            if found is not None:
                break
            # What may be the beginning of a separator is looked at again.
            looked = max(0, len(self._buffer) + 1 - longest)
            if looked > self._limit:
                raise LimitOverrunError('Separator is not found, and chunk exceed the limit', looked)
            if self._eof:
                raise IncompleteReadError(self._take_at_end(), None)
            await self._wait_for_data('readuntil')
        end, begin = found
        if begin > self._limit:
            raise LimitOverrunError('Separator is found, but chunk is longer than limit', begin)
        return self._take(end)

    async def readline(self):
        """Read a line with its newline, or what is left at the end; ValueError if the line is longer than the limit."""
        try:
            return await self.readuntil(b'\n')
        except IncompleteReadError as failure:
            return failure.partial
        except LimitOverrunError as failure:
            if self._buffer.startswith(b'\n', failure.consumed):
                del self._buffer[:failure.consumed + 1]
            else:
                self._buffer.clear()
            if len(self._buffer) <= self._limit:
                self._resume()
            raise ValueError(failure.args[0])

    def __aiter__(self):
        return self

    async def __anext__(self):
        line = await self.readline()
        if not line:
            raise StopAsyncIteration
        return line
