# SPDX-License-Identifier: MIT
# Y03: a lock has no owner: any task may release it, its holder cannot take it twice, and a free one cannot be released.
import asyncio

U = 0.05

async def release(lock):
    lock.release()

async def main():
    lock = asyncio.Lock()
    await lock.acquire()
    try:
        await asyncio.wait_for(asyncio.create_task(lock.acquire()), U)
    except asyncio.TimeoutError:
        print('blocked')
    await asyncio.create_task(release(lock))
    print(lock.locked())
    try:
        lock.release()
    except RuntimeError:
        print('refused')

asyncio.run(main())
