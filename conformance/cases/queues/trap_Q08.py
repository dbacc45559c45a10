# SPDX-License-Identifier: MIT
# Q08: an immediate shutdown discards the items; join then only waits for those already taken to be marked done.
# needs 3.13
import asyncio

async def main():
    queue = asyncio.Queue()
    for item in '012':
        queue.put_nowait(item)
    join = asyncio.create_task(queue.join())
    await asyncio.sleep(0)
    queue.get_nowait()
    queue.shutdown(immediate=True)
    await asyncio.sleep(0)
    print(queue.qsize(), join.done())
    queue.task_done()
    await join
    print('joined')
    try:
        queue.get_nowait()
    except asyncio.QueueShutDown:
        print('QueueShutDown')

    queue = asyncio.Queue()
    queue.put_nowait('0')
    join = asyncio.create_task(queue.join())
    await asyncio.sleep(0)
    queue.shutdown(immediate=True)
    await join
    print('joined', queue.qsize())

asyncio.run(main())
