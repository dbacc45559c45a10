# SPDX-License-Identifier: MIT
# N10: Port 0 means a free one; a port that is in use is refused by the call that binds it; SO_REUSEADDR is set.
import asyncio
import errno
import socket

async def main():
    server = await asyncio.start_server(lambda r, w: None, '127.0.0.1', 0)
    listener = server.sockets[0]
    port = listener.getsockname()[1]
    print(port > 0, listener.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR) != 0)
    try:
        await asyncio.start_server(lambda r, w: None, '127.0.0.1', port)
    except OSError as e:
        print(errno.errorcode[e.errno])
    server.close()

asyncio.run(main())
