# SPDX-License-Identifier: MIT
# Which calls that wait on a stream continue after its end, in which order, and how many iterations of the loop after close() or abort().
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


async def report(word, awaitable):
    try:
        await awaitable
    except OSError:
        pass
    print(' ', word, turn - began)


async def pair():
    left, right = socket.socketpair()
    left.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    reader, writer = await asyncio.open_connection(sock=left)
    return reader, writer, right


async def main():
    global began
    asyncio.get_running_loop().call_soon(tick)
    for how in 'close', 'abort':
        print('-', how)
        reader, writer, right = await pair()
        tasks = [asyncio.create_task(report('closed', writer.wait_closed())),
                 asyncio.create_task(report('read', reader.read(1)))]
        await some_turns()
        began = turn
        (writer.close if how == 'close' else writer.transport.abort)()
        await asyncio.wait(tasks)
        right.close()

    print('- abort, with bytes to send')
    reader, writer, right = await pair()
    writer.transport.set_write_buffer_limits(0)
    writer.write(bytes(1 << 16))
    tasks = [asyncio.create_task(report('drained', writer.drain())),
             asyncio.create_task(report('closed', writer.wait_closed())),
             asyncio.create_task(report('read', reader.read(1)))]
    await some_turns()
    began = turn
    writer.transport.abort()
    await asyncio.wait(tasks)
    right.close()

    print('- wait_closed at once')
    reader, writer, right = await pair()
    began = turn
    writer.close()
    await report('closed', writer.wait_closed())
    right.close()


asyncio.run(main())
