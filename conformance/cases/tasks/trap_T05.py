# SPDX-License-Identifier: MIT
# T05: cancel() after the awaited future is done but before the task has resumed: CancelledError is thrown anyway, and the
# result is lost to that task. It stays in the future.
import asyncio


async def waiter(f):
    try:
        print('got', await f)
    except asyncio.CancelledError:
        print('cancelled, the future has', f.result())
        raise


async def main():
    f = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(waiter(f))
    await asyncio.sleep(0)
    f.set_result('R')
    task.cancel()
    await asyncio.wait([task])
    print(task.cancelled())


asyncio.run(main())
