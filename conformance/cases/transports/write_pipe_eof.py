# SPDX-License-Identifier: MIT
# write_eof() on a pipe for writing sends what is queued and then closes it.
import asyncio
import os

SIZE = 1 << 20


class Protocol(asyncio.BaseProtocol):
    def connection_lost(self, error):
        print('lost', 'by an error' if error else 'in order')
        self.lost.set()


async def run(size):
    print('-', size)
    loop = asyncio.get_running_loop()
    out, into = os.pipe()
    transport, protocol = await loop.connect_write_pipe(Protocol, open(into, 'wb', 0))
    protocol.lost = asyncio.Event()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), open(out, 'rb', 0))
    print(transport.can_write_eof())
    transport.write(bytes(size))
    transport.write_eof()
    transport.write_eof()
    print(transport.is_closing())
    print(len(await reader.read()))
    await protocol.lost.wait()


async def main():
    for size in 0, 1, SIZE:
        await run(size)


asyncio.run(main())
