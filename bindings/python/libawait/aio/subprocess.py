# SPDX-License-Identifier: MIT
"""Child processes, awaited through pidfds: without a SIGCHLD handler, a watcher, or a thread."""
import os
import signal
import subprocess

from . import _aio, events
from .streams import StreamReader, StreamReaderProtocol, StreamWriter, _DEFAULT_LIMIT

__all__ = ('create_subprocess_exec', 'create_subprocess_shell')

PIPE = subprocess.PIPE
STDOUT = subprocess.STDOUT
DEVNULL = subprocess.DEVNULL

_INHERIT, _PIPE, _NULL, _FD, _STDOUT = range(5)
_GROUP, _SESSION = 1, 2


class Process:
    """asyncio.subprocess.Process. Dropping the last reference kills the child if it still runs."""

    def __init__(self, c, loop, pipes, limit):
        self._c = c
        self._loop = loop
        self._pipes = pipes
        self._limit = limit
        self._streams = {}

    def __repr__(self):
        return f'<Process {self.pid}>'

    pid = property(lambda self: self._c.pid, doc='The process id, even after the process has ended.')
    returncode = property(lambda self: self._c.returncode, doc='The exit status; -N if signal N killed it; None while it runs.')

    def _stream(self, number):
        if number not in self._pipes:
            return None
        if number not in self._streams:
            transport = self._c.stream(number)
            reader = StreamReader(self._limit, self._loop) if number else None
            protocol = StreamReaderProtocol(reader, loop=self._loop)
            transport._start(protocol)
            self._streams[number] = reader or StreamWriter(transport, protocol, None, self._loop)
        return self._streams[number]

    stdin = property(lambda self: self._stream(0), doc='A StreamWriter, if stdin is a pipe.')
    stdout = property(lambda self: self._stream(1), doc='A StreamReader, if stdout is a pipe.')
    stderr = property(lambda self: self._stream(2), doc='A StreamReader, if stderr is a pipe.')

    async def wait(self):
        """Wait for the exit, even if another process still holds the pipes; returns the exit status."""
        return await self._c.wait()

    def send_signal(self, number):
        """Send a signal; ProcessLookupError if the process has ended."""
        self._c.send_signal(number)

    def terminate(self):
        """Send SIGTERM."""
        self._c.send_signal(signal.SIGTERM)

    def kill(self):
        """Send SIGKILL."""
        self._c.send_signal(signal.SIGKILL)

    async def communicate(self, input=None):
        """Write `input` to stdin, read stdout and stderr to the end, and wait for the exit. Returns the pair of outputs.

        A cancelled call loses no data: the output is kept, and you can call it again, without input.
        """
        if not self._streams:
            await self._c.communicate(input)
            return self._c.output(1), self._c.output(2)
        # The program has already used the streams itself.
        from . import tasks
        _, out, err = await tasks.gather(self._feed(input), self._rest(self.stdout), self._rest(self.stderr))
        await self.wait()
        return out, err

    async def _feed(self, input):
        writer = self.stdin
        if writer is None:
            return
        try:
            if input is not None:
                writer.write(input)
                await writer.drain()
        except (BrokenPipeError, ConnectionResetError):
            pass  # the child has stopped reading: as in asyncio, that is not an error
        writer.close()

    @staticmethod
    async def _rest(reader):
        return await reader.read() if reader is not None else None


def _how(what, number):
    if what is None:
        return _INHERIT, -1
    if what == PIPE:
        return _PIPE, -1
    if what == DEVNULL:
        return _NULL, -1
    if what == STDOUT:
        if number != 2:
            raise ValueError('STDOUT can only be used for stderr')
        return _STDOUT, -1
    return _FD, what if isinstance(what, int) else what.fileno()


async def create_subprocess_exec(program, *args, stdin=None, stdout=None, stderr=None, limit=_DEFAULT_LIMIT, cwd=None, env=None,
                                 start_new_session=False, process_group=None):
    """Start a program. Each stream is None (inherited), PIPE, DEVNULL, a descriptor or a file; stderr may also be STDOUT."""
    loop = events.get_running_loop()
    argv = [os.fsencode(part) for part in (program, *args)]
    if process_group not in (None, 0):
        raise ValueError('process_group must be None, or 0 for a new group')
    environment = None if env is None else [os.fsencode(name) + b'=' + os.fsencode(value) for name, value in env.items()]
    streams = tuple(_how(what, number) for number, what in enumerate((stdin, stdout, stderr)))
    flags = (_SESSION if start_new_session else 0) | (_GROUP if process_group == 0 else 0)
    c = _aio.Process(loop, argv, streams, None if cwd is None else os.fsencode(cwd), environment, flags)
    return Process(c, loop, {number for number, (how, _) in enumerate(streams) if how == _PIPE}, limit)


async def create_subprocess_shell(cmd, **options):
    """Start `/bin/sh -c cmd`. Never pass untrusted text."""
    if not isinstance(cmd, (bytes, str)):
        raise ValueError('cmd must be a string')
    return await create_subprocess_exec('/bin/sh', '-c', cmd, **options)
