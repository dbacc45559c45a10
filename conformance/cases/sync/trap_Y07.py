# SPDX-License-Identifier: MIT
# Y07: a cancelled wait takes the lock again before it says so, also when it is cancelled once more meanwhile.
import asyncio

U = 0.05

async def waiter(condition):
    async with condition:
        try:
            await condition.wait()
        except asyncio.CancelledError:
            print('cancelled', condition.locked())
            raise

async def main():
    condition = asyncio.Condition()
    task = asyncio.create_task(waiter(condition))
    await asyncio.sleep(0)
    await condition.acquire()
    for _ in range(2):
        task.cancel()
        await asyncio.sleep(U)
        print(task.done())
    condition.release()
    await asyncio.wait([task])
    print(task.cancelled(), condition.locked())

asyncio.run(main())
