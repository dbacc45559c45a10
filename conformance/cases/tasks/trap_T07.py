# SPDX-License-Identifier: MIT
# T07: two calls of cancel() before delivery give one CancelledError (cancelling() is 2); a cancel() during the handler's own
# await gives a second one.
import asyncio


async def c():
    try:
        await asyncio.sleep(9)
    except asyncio.CancelledError:
        print('first')
        try:
            await asyncio.sleep(9)
        except asyncio.CancelledError:
            print('second')


async def main():
    task = asyncio.create_task(c())
    await asyncio.sleep(0)
    task.cancel()
    task.cancel()
    print(task.cancelling())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    print('done', task.done())
    task.cancel()
    await task
    print(task.cancelling(), task.cancelled())


asyncio.run(main())
