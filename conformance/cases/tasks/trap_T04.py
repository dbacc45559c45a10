# SPDX-License-Identifier: MIT
# T04: cancel() of a task that waits cancels the awaited future at once, but the CancelledError is thrown in the task only in
# the next iteration; done() stays False until then.
import asyncio


async def waiter(f):
    try:
        await f
    except asyncio.CancelledError:
        print('thrown')
        raise


async def main():
    f = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(waiter(f))
    await asyncio.sleep(0)
    task.cancel()
    print('at once', f.cancelled(), task.done())
    await asyncio.sleep(0)
    print('an iteration later', task.done(), task.cancelled())


asyncio.run(main())
