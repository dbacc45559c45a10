# SPDX-License-Identifier: MIT
# X08: A write never waits; drain returns at once up to the high-water mark, and above it waits for the low-water mark.
import asyncio
import socket

async def main():
    left, right = socket.socketpair()
    _, writer = await asyncio.open_connection(sock=left)
    reader, peer = await asyncio.open_connection(sock=right)
    print(*writer.transport.get_write_buffer_limits())
    ticks = []
    peer.transport.pause_reading()
    writer.write(b'x')
    asyncio.get_running_loop().call_soon(ticks.append, 'tick')
    await writer.drain()
    print(len(ticks))
    writer.write(b'x' * 4000000)
    print(writer.transport.get_write_buffer_size() > 65536)
    task = asyncio.create_task(writer.drain())
    await asyncio.sleep(0.2)
    print(task.done())
    peer.transport.resume_reading()
    reading = asyncio.create_task(reader.readexactly(4000001))
    await task
    print(writer.transport.get_write_buffer_size() <= 16384)
    print(len(await reading))
    writer.close()
    peer.close()

asyncio.run(main())
