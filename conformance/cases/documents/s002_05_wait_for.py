# SPDX-License-Identifier: MIT
# Document 002, wait_for fragment.  Fix: put in a coroutine; limits shortened from 5 s; both outcomes shown.
import asyncio

async def work(d):
    await asyncio.sleep(d)
    return d

async def main():
    print(await asyncio.wait_for(work(0.1), timeout=0.5))
    try:
        await asyncio.wait_for(work(5), timeout=0.5)
    except asyncio.TimeoutError:
        print('TimeoutError')

asyncio.run(main())
