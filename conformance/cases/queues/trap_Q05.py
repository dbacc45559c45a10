# SPDX-License-Identifier: MIT
# Q05: join waits for a task_done for every item put, not for an empty queue; one task_done too many is an error.
import asyncio

async def main():
    queue = asyncio.Queue(2)
    await queue.join()
    print('nothing to wait for')
    queue.put_nowait('1')
    queue.put_nowait('2')
    try:
        queue.put_nowait('3')
    except asyncio.QueueFull:
        print('QueueFull')
    queue.get_nowait()
    queue.get_nowait()
    try:
        queue.get_nowait()
    except asyncio.QueueEmpty:
        print('QueueEmpty')
    join = asyncio.create_task(queue.join())
    for _ in range(2):
        await asyncio.sleep(0)
        print(queue.empty(), join.done())
        queue.task_done()
    await join
    print('joined')
    try:
        queue.task_done()
    except ValueError:
        print('ValueError')

asyncio.run(main())
