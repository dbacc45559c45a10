# SPDX-License-Identifier: MIT
"""asyncio.subprocess: processes with streams, over loop.subprocess_exec() and loop.subprocess_shell()."""
from . import _stdlib

_stdlib.run('subprocess', globals())


class Process(Process):  # the functions above make this one
    """asyncio's Process, whose communicate() also closes a piped stdin without input, and loses no output if it is cancelled."""

    def __init__(self, transport, protocol, loop):
        super().__init__(transport, protocol, loop)
        self._limit = protocol._limit
        self._read = {}

    async def communicate(self, input=None):
        """Write `input` to stdin, read stdout and stderr to the end, and wait for the exit. Returns the pair of outputs.

        A cancelled call loses no data: the output is kept, and you can call it again, without input.
        """
        parts = (self._feed_stdin(input) if self.stdin is not None else self._noop(),
                 self._read_stream(1) if self.stdout is not None else self._noop(),
                 self._read_stream(2) if self.stderr is not None else self._noop())
        _, out, err = await tasks.gather(*parts)
        await self.wait()
        self._read.clear()
        return out, err

    async def _feed_stdin(self, input):
        try:
            if input is not None:
                self.stdin.write(input)
            await self.stdin.drain()
        except (BrokenPipeError, ConnectionResetError):
            pass  # the child has stopped reading, which is not an error here
        self.stdin.close()

    async def _read_stream(self, fd):
        stream = self.stdout if fd == 1 else self.stderr
        read = self._read.setdefault(fd, [])
        while block := await stream.read(self._limit):
            read.append(block)
        self._transport.get_pipe_transport(fd).close()
        return b''.join(read)
