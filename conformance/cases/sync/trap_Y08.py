# SPDX-License-Identifier: MIT
# Y08: when a waiter that was notified is cancelled, another one is notified in its place.
# needs 3.13
import asyncio

async def waiter(condition, name):
    async with condition:
        await condition.wait()
        print(name)

async def main():
    condition = asyncio.Condition()
    a, b = [asyncio.create_task(waiter(condition, name)) for name in 'ab']
    await asyncio.sleep(0)
    async with condition:
        condition.notify(1)
        a.cancel()
    await asyncio.wait([a, b], timeout=1)
    print(a.cancelled(), b.done())

asyncio.run(main())
