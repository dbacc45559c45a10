# SPDX-License-Identifier: MIT
# X10: Close sends what is queued, and the peer reads all of it and then the end; abort drops it.
import asyncio
import socket

async def pair():
    left, right = socket.socketpair()
    _, writer = await asyncio.open_connection(sock=left)
    return writer, *await asyncio.open_connection(sock=right)

async def main():
    writer, reader, peer = await pair()
    writer.write(b'y' * 3000000)
    writer.close()
    print(writer.is_closing())
    print(len(await reader.read()), reader.at_eof())
    await writer.wait_closed()
    peer.close()

    writer, reader, peer = await pair()
    peer.transport.pause_reading()
    writer.write(b'y' * 3000000)
    writer.transport.abort()
    print(writer.is_closing(), writer.transport.get_write_buffer_size())
    await writer.wait_closed()
    peer.transport.resume_reading()
    print(0 < len(await reader.read()) < 3000000)
    peer.close()

asyncio.run(main())
