# SPDX-License-Identifier: MIT
# T10: cancel() walks down the chain of awaits: of a task that awaits a task the inner one is cancelled, and the outer one sees
# CancelledError when the inner one has ended.
import asyncio


async def inner():
    try:
        await asyncio.sleep(9)
    except asyncio.CancelledError:
        print('inner')
        await asyncio.sleep(0.1)
        print('inner has cleaned up')
        raise


async def outer(task):
    try:
        await task
    except asyncio.CancelledError:
        print('outer')
        raise


async def main():
    i = asyncio.create_task(inner())
    o = asyncio.create_task(outer(i))
    await asyncio.sleep(0.05)
    o.cancel()
    print('asked', i.cancelling(), o.cancelling(), o.done())
    await asyncio.wait([o])
    print(i.cancelled(), o.cancelled(), i.cancelling(), o.cancelling())


asyncio.run(main())
