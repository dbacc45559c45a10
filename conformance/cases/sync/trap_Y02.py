# SPDX-License-Identifier: MIT
# Y02: cancelling the waiter that was already woken hands the lock to the next one.
import asyncio

async def user(lock, name):
    async with lock:
        print(name)

async def main():
    lock = asyncio.Lock()
    await lock.acquire()
    a, b = [asyncio.create_task(user(lock, name)) for name in 'ab']
    await asyncio.sleep(0)
    lock.release()
    a.cancel()
    await asyncio.wait([a, b], timeout=1)
    print(a.cancelled(), b.done(), lock.locked())

asyncio.run(main())
