# SPDX-License-Identifier: MIT
# A drain that waits when the connection is closed or aborted succeeds; one that comes later fails.
import asyncio
import socket


async def some_turns():
    for _ in range(5):
        await asyncio.sleep(0)


async def drain(writer, word):
    try:
        await writer.drain()
        print(word, 'drained')
    except ConnectionError:  # a reset for the reader, a broken pipe for the writer: the first to be told
        print(word, 'reset')


async def run(how):
    print('-', how)
    left, right = socket.socketpair()
    left.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    _, writer = await asyncio.open_connection(sock=left)
    writer.transport.set_write_buffer_limits(0)
    writer.write(bytes(1 << 16))
    tasks = [asyncio.create_task(drain(writer, 'early'))]
    await some_turns()
    if how == 'abort':
        writer.transport.abort()
    elif how == 'error':
        right.close()
    else:
        writer.close()
    tasks.append(asyncio.create_task(drain(writer, 'late')))
    await some_turns()
    if how == 'close, then abort':
        writer.transport.abort()
    if how == 'close':
        right.setblocking(False)
        while not all(task.done() for task in tasks):
            try:
                right.recv(1 << 16)
            except BlockingIOError:
                pass
            await asyncio.sleep(0)
    await asyncio.wait(tasks)
    await some_turns()
    await drain(writer, 'last')
    writer.close()
    right.close()


async def main():
    for how in 'abort', 'close', 'close, then abort', 'error':
        await run(how)


asyncio.run(main())
