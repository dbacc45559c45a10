# SPDX-License-Identifier: MIT
# T12: cancel() of a task that is done returns False; cancel(message) travels: the CancelledError of who awaits carries the
# message.
import asyncio


async def c():
    await asyncio.sleep(9)


async def main():
    task = asyncio.create_task(c())
    await asyncio.sleep(0)
    print(task.cancel('why'))
    try:
        await task
    except asyncio.CancelledError as error:
        print(error)
    print(task.cancel(), task.cancelling())


asyncio.run(main())
