# SPDX-License-Identifier: MIT
# N02: Unless the protocol wants otherwise, the end of the peer's direction closes the connection.
import asyncio
import socket

class Protocol(asyncio.Protocol):
    def connection_lost(self, error):
        print('lost', error is None)

async def main():
    loop = asyncio.get_running_loop()
    left, right = socket.socketpair()
    transport, _ = await loop.create_connection(Protocol, sock=left)
    right.shutdown(socket.SHUT_WR)
    await asyncio.sleep(0.2)
    print(transport.is_closing(), len(right.recv(1)))
    right.close()

asyncio.run(main())
