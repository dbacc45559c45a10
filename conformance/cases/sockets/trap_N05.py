# SPDX-License-Identifier: MIT
# N05: a call on a socket that is ready does not suspend; a receive that was cancelled takes no data.
import asyncio
import socket

U = 0.05

async def main():
    loop = asyncio.get_running_loop()
    a, b = socket.socketpair()
    a.setblocking(False)
    b.setblocking(False)
    turns = []
    loop.call_soon(turns.append, 1)
    await loop.sock_sendall(a, b'hi')
    data = await loop.sock_recv(b, 10)
    print(data.decode(), len(turns))
    task = asyncio.create_task(loop.sock_recv(b, 10))
    await asyncio.sleep(U)
    print(task.done(), len(turns))
    task.cancel()
    a.send(b'later')
    try:
        await task
    except asyncio.CancelledError:
        print('cancelled')
    print((await loop.sock_recv(b, 10)).decode())
    waiting = asyncio.create_task(loop.sock_recv(b, 10))
    await asyncio.sleep(0)
    a.send(b'woken')
    print((await waiting).decode())
    a.close()
    b.close()

asyncio.run(main())
