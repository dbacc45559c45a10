# SPDX-License-Identifier: MIT
# Y06: wait and notify want the lock; notify(n) wakes n in order, each of which returns only as it gets the lock back.
import asyncio

U = 0.05

async def waiter(condition, name):
    async with condition:
        await condition.wait()
        print(name)

async def main():
    condition = asyncio.Condition()
    try:
        await condition.wait()
    except RuntimeError:
        print('no wait')
    try:
        condition.notify()
    except RuntimeError:
        print('no notify')
    tasks = [asyncio.create_task(waiter(condition, name)) for name in 'abc']
    await asyncio.sleep(0)
    async with condition:
        condition.notify(2)
        await asyncio.sleep(0)
        print('notifier')
    await asyncio.sleep(U)
    print('all')
    async with condition:
        condition.notify_all()
    await asyncio.gather(*tasks)

asyncio.run(main())
