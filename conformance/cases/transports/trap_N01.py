# SPDX-License-Identifier: MIT
# N01: connection_made is the first callback and connection_lost the last, which no call makes by itself; a pause keeps further bytes back; the
# end of one direction leaves the other open if the protocol wants that.
import asyncio
import socket

class Protocol(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport
        print('made')

    def data_received(self, data):
        print('data', data.decode())
        self.transport.pause_reading()
        asyncio.get_running_loop().call_later(0.4, self.resume)

    def resume(self):
        print('resume')
        self.transport.resume_reading()

    def eof_received(self):
        print('eof')
        return True

    def connection_lost(self, error):
        print('lost', error is None)

async def main():
    loop = asyncio.get_running_loop()
    left, right = socket.socketpair()
    right.send(b'12')
    transport, _ = await loop.create_connection(Protocol, sock=left)
    await asyncio.sleep(0.2)
    right.send(b'3')
    right.shutdown(socket.SHUT_WR)
    await asyncio.sleep(0.8)
    transport.write(b'bye')
    print(right.recv(9).decode())
    transport.close()
    print('close returned')
    await asyncio.sleep(0.2)
    right.close()

asyncio.run(main())
