# SPDX-License-Identifier: MIT
# needs 3.12
# A cancelled serve_forever closes the server and waits for its connections; a second cancellation ends that wait.
import asyncio


async def some_turns():
    for _ in range(20):
        await asyncio.sleep(0)


async def run(second):
    opened = asyncio.Event()

    async def serve(reader, writer):
        opened.set()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, '127.0.0.1', 0, start_serving=False)
    task = asyncio.create_task(server.serve_forever())
    await asyncio.sleep(0)
    _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    await opened.wait()
    task.cancel('first')
    await some_turns()
    print(task.done(), server.is_serving(), len(server.sockets))
    try:
        await server.serve_forever()
    except RuntimeError:
        print('refused')
    if second:
        task.cancel('second')
    else:
        writer.close()
    try:
        await task
    except asyncio.CancelledError as error:
        print(*error.args, task.cancelling())
    writer.close()
    await server.wait_closed()


async def nobody():
    server = await asyncio.start_server(lambda r, w: w.close(), '127.0.0.1', 0, start_serving=False)
    task = asyncio.create_task(server.serve_forever())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0)
    print(task.cancelled())


async def main():
    print('- a client ends')
    await run(False)
    print('- cancelled twice')
    await run(True)
    print('- no client')
    await nobody()


asyncio.run(main())
