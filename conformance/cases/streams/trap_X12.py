# SPDX-License-Identifier: MIT
# X12: After the end of one direction the other is still open; a write after it is refused.
import asyncio
import socket

async def main():
    left, right = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=left)
    peer_reader, peer = await asyncio.open_connection(sock=right)
    print(writer.can_write_eof())
    writer.write(b'request')
    writer.write_eof()
    try:
        writer.write(b'more')
    except RuntimeError:
        print('refused')
    print((await peer_reader.read()).decode())
    peer.write(b'answer')
    peer.close()
    print((await reader.read()).decode())
    writer.close()

asyncio.run(main())
