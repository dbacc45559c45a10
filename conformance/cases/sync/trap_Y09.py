# SPDX-License-Identifier: MIT
# Y09: a newcomer never overtakes waiters; while anybody waits the semaphore is locked, even if its counter was just raised.
import asyncio

async def user(semaphore, name):
    async with semaphore:
        print(name)
        await asyncio.sleep(0)

async def main():
    semaphore = asyncio.Semaphore(1)
    await semaphore.acquire()
    tasks = [asyncio.create_task(user(semaphore, name)) for name in 'ab']
    await asyncio.sleep(0)
    semaphore.release()
    print(semaphore.locked())
    await user(semaphore, 'new')
    await asyncio.gather(*tasks)

asyncio.run(main())
