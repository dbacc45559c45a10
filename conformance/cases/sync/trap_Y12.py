# SPDX-License-Identifier: MIT
# Y12: several releases before the woken waiters run wake as many waiters, each exactly once.
import asyncio

U = 0.05

async def waiter(semaphore, name):
    await semaphore.acquire()
    print(name)

async def main():
    semaphore = asyncio.Semaphore(0)
    tasks = [asyncio.create_task(waiter(semaphore, name)) for name in 'abcd']
    await asyncio.sleep(0)
    semaphore.release()
    semaphore.release()
    print('two')
    await asyncio.sleep(U)
    semaphore.release()
    semaphore.release()
    print('and two')
    await asyncio.gather(*tasks)
    print(semaphore.locked())

asyncio.run(main())
