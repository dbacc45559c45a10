# SPDX-License-Identifier: MIT
# Y01: after a release a newcomer queues behind the waiter that was just woken, although the lock is not locked in between.
import asyncio

async def user(lock, name):
    async with lock:
        print(name)
        await asyncio.sleep(0)

async def main():
    lock = asyncio.Lock()
    await lock.acquire()
    tasks = [asyncio.create_task(user(lock, name)) for name in 'ab']
    await asyncio.sleep(0)
    lock.release()
    print(lock.locked())
    await user(lock, 'new')
    await asyncio.gather(*tasks)

asyncio.run(main())
