# SPDX-License-Identifier: MIT
# How many iterations of the loop lie between close() or abort() and connection_lost, and in which order callbacks run that are scheduled around it.
import asyncio
import socket

turn = 0


def tick():
    global turn
    turn += 1
    asyncio.get_running_loop().call_soon(tick)


async def some_turns():
    for _ in range(5):
        await asyncio.sleep(0)


class Protocol(asyncio.Protocol):
    is_lost = False

    def connection_made(self, transport):
        self.transport = transport

    async def until_lost(self):
        while not self.is_lost:
            await asyncio.sleep(0)
        await some_turns()

    def begin(self, word):
        self.began = turn
        print(word)

    def act(self, how):
        loop = asyncio.get_running_loop()
        self.begin(how)
        loop.call_soon(self.note, 'before')
        getattr(self.transport, how)()
        loop.call_soon(self.note, 'after')

    def note(self, word):
        print(' ', word, turn - self.began)

    def data_received(self, data):
        if self.act_in == 'data':
            self.act(self.how)

    def eof_received(self):
        self.begin('eof')
        asyncio.get_running_loop().call_soon(self.note, 'scheduled before')

    def pause_writing(self):
        if self.act_in == 'pause':
            self.act(self.how)

    def resume_writing(self):
        self.begin('all sent')
        asyncio.get_running_loop().call_soon(self.note, 'scheduled')

    def connection_lost(self, error):
        self.is_lost = True
        self.note('lost' if error is None else 'lost by an error')
        asyncio.get_running_loop().call_soon(self.note, 'scheduled by the loss')


async def connect(act_in=None, how=None):
    left, right = socket.socketpair()
    left.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    _, protocol = await asyncio.get_running_loop().create_connection(Protocol, sock=left)
    protocol.act_in, protocol.how = act_in, how
    await some_turns()
    return protocol, right


async def main():
    asyncio.get_running_loop().call_soon(tick)
    for how in 'close', 'abort':
        print('- idle')
        protocol, right = await connect()
        protocol.act(how)
        await protocol.until_lost()
        right.close()

        print('- while reading is paused')
        protocol, right = await connect()
        protocol.transport.pause_reading()
        protocol.act(how)
        await protocol.until_lost()
        right.close()

        print('- after a write')
        protocol, right = await connect()
        protocol.transport.write(b'one')
        protocol.act(how)
        await protocol.until_lost()
        print(right.recv(9).decode())
        right.close()

        print('- in data_received')
        protocol, right = await connect('data', how)
        right.send(b'1')
        await protocol.until_lost()
        right.close()
    print('- with bytes to send')
    protocol, right = await connect()
    protocol.transport.write(bytes(1 << 16))
    protocol.act('abort')
    await protocol.until_lost()
    right.close()

    print('- in pause_writing')
    protocol, right = await connect('pause', 'abort')
    protocol.transport.set_write_buffer_limits(0)
    protocol.transport.write(bytes(1 << 16))
    await protocol.until_lost()
    right.close()

    print('- close with bytes to send')
    protocol, right = await connect()
    protocol.transport.set_write_buffer_limits(0)
    protocol.transport.write(bytes(1 << 16))
    protocol.transport.close()
    await some_turns()
    print('not lost yet')
    right.setblocking(False)
    while not protocol.is_lost:
        try:
            right.recv(1 << 16)
        except BlockingIOError:
            pass
        await asyncio.sleep(0)
    await some_turns()
    right.close()

    print('- close, then abort, with bytes to send')
    protocol, right = await connect()
    protocol.transport.write(bytes(1 << 16))
    protocol.transport.close()
    await some_turns()
    protocol.act('abort')
    await protocol.until_lost()
    right.close()

    print('- the end of the peer')
    protocol, right = await connect()
    right.close()
    await protocol.until_lost()


asyncio.run(main())
