# SPDX-License-Identifier: MIT
# Q07: after shutdown a put fails at once, a get only when nothing is left; whoever is blocked in either is woken and fails.
# needs 3.13
import asyncio

async def put(queue, item):
    try:
        await queue.put(item)
    except asyncio.QueueShutDown:
        print('put', item, 'QueueShutDown')

async def get(queue, name):
    try:
        print(name, 'got', await queue.get())
    except asyncio.QueueShutDown:
        print(name, 'QueueShutDown')

async def main():
    queue = asyncio.Queue(1)
    queue.put_nowait('1')
    putters = [asyncio.create_task(put(queue, item)) for item in '23']
    await asyncio.sleep(0)
    queue.shutdown()
    print('shut down')
    await asyncio.gather(*putters)
    try:
        queue.put_nowait('4')
    except asyncio.QueueShutDown:
        print('put_nowait QueueShutDown')
    await put(queue, '5')
    await get(queue, 'main')
    await get(queue, 'main')
    try:
        queue.get_nowait()
    except asyncio.QueueShutDown:
        print('get_nowait QueueShutDown')

    queue = asyncio.Queue()
    getters = [asyncio.create_task(get(queue, name)) for name in 'ab']
    await asyncio.sleep(0)
    queue.shutdown()
    print('shut down')
    await asyncio.gather(*getters)

asyncio.run(main())
