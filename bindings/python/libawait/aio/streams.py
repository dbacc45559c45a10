# SPDX-License-Identifier: MIT
"""Stream objects for pipes: the stdin, stdout and stderr of a process."""
import os

from .exceptions import IncompleteReadError, LimitOverrunError

__all__ = ('StreamReader', 'StreamWriter')

_LIMIT = 2 ** 16
_CHUNK = 2 ** 16


class StreamReader:
    """Reads from a non-blocking descriptor that it owns. Reads ahead, up to twice `limit` bytes."""

    def __init__(self, fd, loop, limit=_LIMIT):
        if limit <= 0:
            raise ValueError('Limit cannot be <= 0')
        self._fd = fd
        self._loop = loop
        self._limit = limit
        self._buffer = bytearray()
        self._eof = False
        self._failure = None
        self._waiter = None
        self._watched = False
        self._watch()

    def __repr__(self):
        return f'<StreamReader {len(self._buffer)} bytes{" eof" if self._eof else ""}>'

    def _watch(self):
        if not self._watched and self._fd is not None and len(self._buffer) <= 2 * self._limit:
            self._loop.add_reader(self._fd, self._readable)
            self._watched = True

    def _unwatch(self):
        if self._watched:
            self._loop.remove_reader(self._fd)
            self._watched = False

    def _readable(self):
        try:
            data = os.read(self._fd, _CHUNK)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as failure:
            self._failure = failure
            self._end()
            return
        if not data:
            self._end()
            return
        self._buffer += data
        if len(self._buffer) > 2 * self._limit:
            self._unwatch()
        self._wake()

    def _end(self):
        self._eof = True
        self._close()
        self._wake()

    def _close(self):
        if self._fd is not None:
            self._unwatch()
            os.close(self._fd)
            self._fd = None

    def _wake(self):
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    async def _more(self, what):
        if self._waiter is not None:
            raise RuntimeError(f'{what}() called while another coroutine is already waiting for incoming data')
        self._watch()
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _take(self, count):
        data = bytes(self._buffer[:count])
        del self._buffer[:count]
        self._watch()
        return data

    def _check(self):
        if self._failure is not None:
            raise self._failure

    def at_eof(self):
        """Whether the stream has ended and everything has been read."""
        return self._eof and not self._buffer

    async def read(self, n=-1):
        """Read up to `n` bytes, as soon as any are available; -1: everything up to the end."""
        self._check()
        if n == 0:
            return b''
        if n < 0:
            blocks = []
            while block := await self.read(self._limit):
                blocks.append(block)
            return b''.join(blocks)
        while not self._buffer and not self._eof:
            await self._more('read')
        self._check()
        return self._take(n)

    async def readexactly(self, n):
        """Read `n` bytes, or raise IncompleteReadError."""
        if n < 0:
            raise ValueError('readexactly size can not be less than zero')
        self._check()
        while len(self._buffer) < n:
            if self._eof:
                raise IncompleteReadError(self._take(len(self._buffer)), n)
            self._watch_beyond(n)
            await self._more('readexactly')
        self._check()
        return self._take(n)

    def _watch_beyond(self, n):
        """A read requested more than the buffer's limit."""
        if len(self._buffer) > 2 * self._limit and not self._watched and self._fd is not None:
            self._loop.add_reader(self._fd, self._readable)
            self._watched = True

    async def readuntil(self, separator=b'\n'):
        """Read up to and including the separator."""
        if not separator:
            raise ValueError('Separator should be at least one-byte string')
        self._check()
        looked = 0
        while True:
            at = self._buffer.find(separator, looked)
            if at >= 0:
                if at > self._limit:
                    raise LimitOverrunError('Separator is found, but chunk is longer than limit', at)
                return self._take(at + len(separator))
            looked = max(0, len(self._buffer) - len(separator) + 1)
            if looked > self._limit:
                raise LimitOverrunError('Separator is not found, and chunk exceed the limit', looked)
            if self._eof:
                raise IncompleteReadError(self._take(len(self._buffer)), None)
            await self._more('readuntil')
            self._check()

    async def readline(self):
        """Read a line with its newline, or what is left at end of file; ValueError if the line exceeds the limit."""
        try:
            return await self.readuntil(b'\n')
        except IncompleteReadError as failure:
            return failure.partial
        except LimitOverrunError as failure:
            if self._buffer.startswith(b'\n', failure.consumed):
                del self._buffer[:failure.consumed + 1]
            else:
                self._buffer.clear()
            self._watch()
            raise ValueError(failure.args[0]) from None

    def __aiter__(self):
        return self

    async def __anext__(self):
        line = await self.readline()
        if not line:
            raise StopAsyncIteration
        return line

    def __del__(self):
        if self._fd is not None and not self._loop.is_closed():
            self._close()


class StreamWriter:
    """Writes to a non-blocking descriptor that it owns. Buffers what the pipe does not accept at once; drain() waits for it."""

    def __init__(self, fd, loop, limit=_LIMIT):
        self._fd = fd
        self._loop = loop
        self._limit = limit
        self._buffer = bytearray()
        self._failure = None
        self._closing = False
        self._waiters = []
        self._watched = False

    def __repr__(self):
        return f'<StreamWriter {len(self._buffer)} bytes{" closing" if self._closing else ""}>'

    def write(self, data):
        """Write as much as possible now, and the rest when the pipe accepts it."""
        if self._closing:
            raise RuntimeError('the stream is closed')
        if self._failure is not None or not data:
            return
        self._buffer += data
        if not self._watched:
            self._writable()

    def writelines(self, lines):
        """Write each item of the iterable."""
        self.write(b''.join(lines))

    def _writable(self):
        try:
            count = os.write(self._fd, self._buffer) if self._buffer else 0
        except (BlockingIOError, InterruptedError):
            count = 0
        except OSError as failure:
            self._failure = failure
            self._buffer.clear()
            count = 0
        del self._buffer[:count]
        if self._buffer and not self._watched:
            self._loop.add_writer(self._fd, self._writable)
            self._watched = True
        if not self._buffer:
            self._unwatch()
            if self._closing:
                self._finish()
        if len(self._buffer) <= self._limit:
            self._wake()

    def _unwatch(self):
        if self._watched:
            self._loop.remove_writer(self._fd)
            self._watched = False

    def _wake(self):
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    def _finish(self):
        if self._fd is not None:
            self._unwatch()
            os.close(self._fd)
            self._fd = None
        self._wake()

    def can_write_eof(self):
        """Always True."""
        return True

    def write_eof(self):
        """Close the stream once everything is written."""
        self.close()

    def close(self):
        """Close the stream once everything is written."""
        if not self._closing:
            self._closing = True
            if not self._buffer:
                self._finish()

    def is_closing(self):
        """Whether close() has been called."""
        return self._closing

    async def _wait(self):
        waiter = self._loop.create_future()
        self._waiters.append(waiter)
        await waiter

    async def wait_closed(self):
        """Wait until the stream is closed."""
        while self._fd is not None and self._failure is None:
            await self._wait()

    async def drain(self):
        """Wait until the buffer is small enough to write more; raises the error if a write failed."""
        while self._failure is None and self._fd is not None and len(self._buffer) > self._limit:
            await self._wait()
        if self._failure is not None:
            raise ConnectionResetError('Connection lost') from self._failure

    def __del__(self):
        if self._fd is not None and not self._loop.is_closed():
            self._buffer.clear()
            self._finish()
