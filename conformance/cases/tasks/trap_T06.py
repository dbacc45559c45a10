# SPDX-License-Identifier: MIT
# T06: a coroutine may swallow the CancelledError: the task then ends as usual, cancelled() is False, cancelling() still counts
# 1.
import asyncio


async def c():
    try:
        await asyncio.sleep(9)
    except asyncio.CancelledError:
        print('swallowed')
    await asyncio.sleep(0)
    return 'survived'


async def main():
    task = asyncio.create_task(c())
    await asyncio.sleep(0)
    task.cancel()
    print(await task, task.cancelled(), task.cancelling())


asyncio.run(main())
