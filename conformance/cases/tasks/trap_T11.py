# SPDX-License-Identifier: MIT
# T11: if the inner task swallows that cancellation and returns, the await of the outer one gives the value: the outer task is
# not cancelled, though cancel() returned True.
import asyncio


async def inner():
    try:
        await asyncio.sleep(9)
    except asyncio.CancelledError:
        return 'kept'


async def outer(task):
    return await task


async def main():
    i = asyncio.create_task(inner())
    o = asyncio.create_task(outer(i))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    print(o.cancel())
    print(await o, o.cancelled(), o.cancelling())


asyncio.run(main())
