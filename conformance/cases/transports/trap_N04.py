# SPDX-License-Identifier: MIT
# N04: pause_writing is called once more than the high-water mark is queued, and resume_writing when no more than the low one is left; with a
# mark of 0 every byte counts.
import asyncio
import socket

class Protocol(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def pause_writing(self):
        low, high = self.transport.get_write_buffer_limits()
        print('pause', self.transport.get_write_buffer_size() > high)

    def resume_writing(self):
        low, high = self.transport.get_write_buffer_limits()
        print('resume', self.transport.get_write_buffer_size() <= low)

async def main():
    loop = asyncio.get_running_loop()
    for high in (None, 0):
        left, right = socket.socketpair()
        right.setblocking(False)
        transport, _ = await loop.create_connection(Protocol, sock=left)
        transport.set_write_buffer_limits(high)
        transport.write(b'x')
        for _ in range(40):
            transport.write(b'x' * 65536)
        print('written')
        received = 0
        while received < 40 * 65536 + 1:
            received += len(await loop.sock_recv(right, 65536))
        await asyncio.sleep(0.2)
        transport.close()
        right.close()

asyncio.run(main())
