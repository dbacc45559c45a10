# SPDX-License-Identifier: MIT
# N08: datagrams keep their boundaries and the order of asyncio's callbacks; nobody listening is an error_received, and never a connection_lost.
import asyncio

U = 0.05

class Protocol(asyncio.DatagramProtocol):
    def __init__(self, name):
        self.name = name

    def connection_made(self, transport):
        self.transport = transport
        print(self.name, 'made')
        asyncio.get_running_loop().call_soon(print, self.name, 'scheduled when made')

    def datagram_received(self, data, address):
        print(self.name, data.decode() or 'empty')
        asyncio.get_running_loop().call_soon(print, self.name, 'scheduled by it')
        if data == b'last':
            self.transport.close()
            print(self.name, 'closing', self.transport.is_closing())

    def error_received(self, error):
        print(self.name, type(error).__name__)

    def connection_lost(self, error):
        print(self.name, 'lost', error)

async def main():
    loop = asyncio.get_running_loop()
    server, _ = await loop.create_datagram_endpoint(lambda: Protocol('server'), local_addr=('127.0.0.1', 0))
    print('server is made')
    port = server.get_extra_info('sockname')[1]
    client, _ = await loop.create_datagram_endpoint(lambda: Protocol('client'), remote_addr=('127.0.0.1', port))
    print('client is made')
    client.sendto(b'one')
    client.sendto(b'two')
    client.sendto(b'three')
    print('sent', client.get_write_buffer_size())
    await asyncio.sleep(U)
    client.sendto(b'last')
    await asyncio.sleep(U)
    client.sendto(b'x')
    await asyncio.sleep(U)
    try:
        client.sendto(b'x', ('127.0.0.1', 1))
    except ValueError as error:
        print(type(error).__name__)
    client.sendto(b'x' * 70000)
    print(client.is_closing(), client.get_write_buffer_limits())
    client.close()
    print('closed')
    client.close()
    await asyncio.sleep(U)

asyncio.run(main())
