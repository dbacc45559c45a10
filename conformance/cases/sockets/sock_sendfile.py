# SPDX-License-Identifier: MIT
# sock_sendfile: how much is sent, and where the file's position is afterwards; a peer that is gone is an error.
import asyncio
import socket
import tempfile

async def main():
    loop = asyncio.get_running_loop()
    file = tempfile.TemporaryFile(buffering=0)
    file.write(b'0123456789')
    a, b = socket.socketpair()
    a.setblocking(False)
    b.setblocking(False)

    async def send(offset, count):
        sent = await loop.sock_sendfile(a, file, offset, count)
        text = (await loop.sock_recv(b, 100)).decode() if sent else '-'
        print(sent, text, file.tell())

    file.seek(7)
    await send(0, None)
    await send(3, 4)
    await send(8, 100)
    await send(10, None)
    await send(20, 5)
    b.close()
    try:
        await loop.sock_sendfile(a, file, 2, None)
    except BrokenPipeError:
        print('broken pipe', file.tell())
    for offset in -1, 0:
        try:
            await loop.sock_sendfile(socket.socket(type=socket.SOCK_DGRAM) if offset == 0 else a, file, offset)
        except ValueError:
            print('refused')
    a.close()
    file.close()

asyncio.run(main())
