# SPDX-License-Identifier: MIT
# N06: the end of a stream is an empty receive; a refused connection and a blocking socket are errors.
import asyncio
import socket

async def main():
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    a, b = socket.socketpair()
    a.setblocking(False)
    b.setblocking(False)
    a.close()
    print(len(await loop.sock_recv(b, 10)))
    b.close()
    listener = socket.socket()
    listener.bind(('127.0.0.1', 0))
    address = listener.getsockname()
    listener.close()
    client = socket.socket()
    client.setblocking(False)
    try:
        await loop.sock_connect(client, address)
    except ConnectionRefusedError:
        print('refused')
    client.close()
    blocking = socket.socket()
    try:
        await loop.sock_connect(blocking, address)
    except ValueError as e:
        print(e)
    blocking.close()

asyncio.run(main())
