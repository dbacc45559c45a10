# SPDX-License-Identifier: MIT
# Q04: a cancelled put has not put its item; if it had been woken, the next putter is woken instead.
import asyncio

async def main():
    for cancelled_first in (True, False):
        queue = asyncio.Queue(1)
        queue.put_nowait('0')
        a, b = [asyncio.create_task(queue.put(item)) for item in 'ab']
        await asyncio.sleep(0)
        if cancelled_first:
            a.cancel()
        queue.get_nowait()
        if not cancelled_first:
            a.cancel()
        await asyncio.wait([a, b], timeout=1)
        print(a.cancelled(), b.done())
        print(queue.get_nowait(), queue.empty())

asyncio.run(main())
