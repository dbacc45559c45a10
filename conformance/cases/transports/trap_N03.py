# SPDX-License-Identifier: MIT
# N03: A callback that fails is reported and aborts the connection, which is lost with that error.
import asyncio
import socket

class Protocol(asyncio.Protocol):
    def data_received(self, data):
        raise ValueError('told to')

    def connection_lost(self, error):
        print('lost', type(error) is ValueError)

class AtEnd(Protocol):
    def eof_received(self):
        raise ValueError('told to')

async def main():
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda loop, context: print(context['message']))
    for protocol in (Protocol, AtEnd):
        left, right = socket.socketpair()
        transport, _ = await loop.create_connection(protocol, sock=left)
        transport.write(b'x' * 3000000)
        right.send(b'x') if protocol is Protocol else right.shutdown(socket.SHUT_WR)
        await asyncio.sleep(0.2)
        print(transport.is_closing(), transport.get_write_buffer_size())
        right.close()

asyncio.run(main())
