# SPDX-License-Identifier: MIT
# Y10: a woken waiter that is cancelled gives its permit to the next one, and none is lost.
import asyncio

async def user(semaphore, name):
    async with semaphore:
        print(name)

async def main():
    semaphore = asyncio.Semaphore(1)
    await semaphore.acquire()
    a, b = [asyncio.create_task(user(semaphore, name)) for name in 'ab']
    await asyncio.sleep(0)
    semaphore.release()
    a.cancel()
    await asyncio.wait([a, b], timeout=1)
    print(a.cancelled(), b.done(), semaphore.locked())

asyncio.run(main())
