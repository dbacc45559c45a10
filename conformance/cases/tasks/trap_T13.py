# SPDX-License-Identifier: MIT
# T13: a coroutine that raises CancelledError itself, asked by nobody, makes its task cancelled; cancelling() is 0.
import asyncio


async def c():
    raise asyncio.CancelledError('self')


async def main():
    task = asyncio.create_task(c())
    await asyncio.wait([task])
    print(task.cancelled(), task.cancelling())
    try:
        await task
    except asyncio.CancelledError as error:
        print(error)


asyncio.run(main())
