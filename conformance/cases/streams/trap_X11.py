# SPDX-License-Identifier: MIT
# X11: When the peer is gone, a drain tells that the connection is lost, once the loop has seen it.
import asyncio
import socket

async def main():
    left, right = socket.socketpair()
    _, writer = await asyncio.open_connection(sock=left)
    right.close()
    writer.write(b'x')
    await asyncio.sleep(0.2)
    print(writer.is_closing())
    for _ in range(2):
        try:
            await writer.drain()
        except ConnectionError:
            print('lost')
    writer.close()
    try:
        await writer.wait_closed()
    except ConnectionError:
        pass

asyncio.run(main())
