# SPDX-License-Identifier: MIT
# X14: A server that serves forever is closed by the cancellation of that; it can do so once at a time.
import asyncio

async def main():
    server = await asyncio.start_server(lambda r, w: w.close(), '127.0.0.1', 0, start_serving=False)
    print(server.is_serving())
    task = asyncio.create_task(server.serve_forever())
    await asyncio.sleep(0)
    print(server.is_serving())
    try:
        await server.serve_forever()
    except RuntimeError:
        print('refused')
    task.cancel()
    await asyncio.wait([task])
    print(task.cancelled(), server.is_serving(), len(server.sockets))
    try:
        await server.serve_forever()
    except RuntimeError:
        print('closed')

asyncio.run(main())
