# SPDX-License-Identifier: MIT
# Document 002, second fragment.  Fixes: "async def main"; something_async defined; the cancelled task is awaited so that the
# outcome is visible.
import asyncio

async def something_async(n):
    print('start', n)
    await asyncio.sleep(0.2)
    print('end', n)
    return n

async def main():
    aw = something_async(1)
    result = await aw
    print('result', result)

    aw = something_async(2)
    task = asyncio.create_task(aw)
    result = await task
    print('result', result)

    aw = something_async(3)
    task = asyncio.create_task(aw)
    result = await asyncio.shield(task)
    print('result', result)

    aw = something_async(4)
    task = asyncio.create_task(aw)
    task.cancel()
    print(task.get_coro() is aw)
    try:
        await task
    except asyncio.CancelledError:
        print('cancelled', task.cancelled())

asyncio.run(main())
