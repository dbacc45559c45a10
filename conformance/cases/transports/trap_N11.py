# SPDX-License-Identifier: MIT
# N11: A pipe's end is told as an end, then as a loss without an error; a regular file is refused.
import asyncio
import os
import tempfile

class Protocol(asyncio.Protocol):
    def data_received(self, data):
        print('data', data.decode())

    def eof_received(self):
        print('eof')

    def connection_lost(self, error):
        print('lost', error is None)

async def main():
    loop = asyncio.get_running_loop()
    reading, writing = os.pipe()
    await loop.connect_read_pipe(Protocol, os.fdopen(reading, 'rb'))
    os.write(writing, b'last')
    os.close(writing)
    await asyncio.sleep(0.2)

    reading, writing = os.pipe()
    transport, _ = await loop.connect_write_pipe(Protocol, os.fdopen(writing, 'wb'))
    transport.write(b'word')
    print(os.read(reading, 9).decode())
    transport.close()
    await asyncio.sleep(0.2)
    print(len(os.read(reading, 9)))
    os.close(reading)

    with tempfile.TemporaryFile() as file:
        try:
            await loop.connect_read_pipe(Protocol, file)
        except ValueError:
            print('refused')

asyncio.run(main())
