# SPDX-License-Identifier: MIT
# Y11: a semaphore may be released above its first value, a bounded one not; below 0 is refused, and 0 is born locked.
import asyncio

async def main():
    semaphore = asyncio.Semaphore(1)
    semaphore.release()
    for _ in range(2):
        await semaphore.acquire()
        print(semaphore.locked())
    try:
        asyncio.BoundedSemaphore(1).release()
    except ValueError:
        print('too many')
    try:
        asyncio.Semaphore(-1)
    except ValueError:
        print('negative')
    print(asyncio.Semaphore(0).locked())

asyncio.run(main())
