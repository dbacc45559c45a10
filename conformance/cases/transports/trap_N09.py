# SPDX-License-Identifier: MIT
# N09: The addresses of a name are tried in turn; if all fail, the connection fails.
import asyncio
import socket

async def main():
    closed = socket.socket()
    closed.bind(('127.0.0.1', 0))
    port = closed.getsockname()[1]
    try:
        await asyncio.open_connection('127.0.0.1', port)
    except ConnectionRefusedError:
        print('refused')
    try:
        await asyncio.open_connection('localhost', port)
    except OSError:
        print('failed')
    closed.close()
    server = await asyncio.start_server(lambda r, w: w.close(), '127.0.0.1', 0)
    _, writer = await asyncio.open_connection('localhost', server.sockets[0].getsockname()[1])
    print(writer.get_extra_info('peername')[0])
    writer.close()
    server.close()

asyncio.run(main())
