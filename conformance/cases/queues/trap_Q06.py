# SPDX-License-Identifier: MIT
# Q06: a PriorityQueue gives the smallest first, of one priority by the rest of the item; a LifoQueue gives the newest.
import asyncio

async def main():
    queue = asyncio.PriorityQueue()
    for item in ((2, 'b'), (1, 'z'), (1, 'a')):
        queue.put_nowait(item)
    while not queue.empty():
        print(*queue.get_nowait())
    queue = asyncio.LifoQueue()
    for item in 'abc':
        queue.put_nowait(item)
    while not queue.empty():
        print(queue.get_nowait())

asyncio.run(main())
