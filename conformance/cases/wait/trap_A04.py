# SPDX-License-Identifier: MIT
# A04: cancelling the task in wait leaves those it waits for alone.
import asyncio

U = 0.2

async def job(name, units, error=None):
    print(name + '+')
    try:
        await asyncio.sleep(units * U)
    except asyncio.CancelledError:
        print(name + 'X')
        raise
    if error:
        raise error
    print(name + '-')
    return name
async def main():
    task = asyncio.create_task(job('a', 3))
    waiter = asyncio.create_task(asyncio.wait([task]))
    await asyncio.sleep(U)
    waiter.cancel()
    await asyncio.wait([waiter])
    print(waiter.cancelled())
    print(await task)

asyncio.run(main())
