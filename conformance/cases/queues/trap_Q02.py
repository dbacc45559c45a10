# SPDX-License-Identifier: MIT
# Q02: a getter cancelled while blocked takes no item; once woken, it passes the wakeup on and the item stays.
import asyncio

async def main():
    for cancelled_first in (True, False):
        queue = asyncio.Queue()
        a, b = [asyncio.create_task(queue.get()) for _ in range(2)]
        await asyncio.sleep(0)
        if cancelled_first:
            a.cancel()
        queue.put_nowait('item')
        if not cancelled_first:
            a.cancel()
        await asyncio.wait([a, b], timeout=1)
        print(a.cancelled(), b.result(), queue.qsize())

    queue = asyncio.Queue()
    alone = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.put_nowait('item')
    alone.cancel()
    await asyncio.wait([alone], timeout=1)
    print(alone.cancelled(), queue.qsize(), queue.get_nowait())

asyncio.run(main())
