# SPDX-License-Identifier: MIT
# Q01: items, blocked getters and blocked putters are served first in, first out; a maxsize of 0 or less is no limit.
import asyncio

async def put(queue, item):
    await queue.put(item)
    print('put', item)

async def get(queue, name):
    print(name, 'got', await queue.get())

async def main():
    queue = asyncio.Queue(1)
    putters = [asyncio.create_task(put(queue, item)) for item in '012']
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    print(queue.full(), queue.qsize())
    for _ in range(3):
        print('got', await queue.get())
    await asyncio.gather(*putters)

    for maxsize in (0, -1):
        queue = asyncio.Queue(maxsize)
        getters = [asyncio.create_task(get(queue, name)) for name in 'abc']
        await asyncio.sleep(0)
        for item in '01234':
            queue.put_nowait(item)
        print(queue.full(), queue.qsize())
        await asyncio.gather(*getters)
        print(queue.get_nowait(), queue.get_nowait(), queue.empty())

asyncio.run(main())
