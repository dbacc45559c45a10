# SPDX-License-Identifier: MIT
# needs 3.12
# W07: cancelled in the very iteration in which the awaited future is done: the cancellation wins (since 3.12).
import asyncio

async def main():
    future = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(asyncio.wait_for(future, 5))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    future.set_result('result')
    task.cancel()
    try:
        print(await task)
    except asyncio.CancelledError:
        print('CancelledError', future.result())

asyncio.run(main())
