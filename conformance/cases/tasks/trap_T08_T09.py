# SPDX-License-Identifier: MIT
# T08: a task that cancels itself goes on until its next suspension, where it is raised; if it returns without suspending, it
# still ends cancelled and its value is lost.
# T09: awaiting a future that is done does not suspend, and so raises nothing.
import asyncio


async def suspends():
    asyncio.current_task().cancel()
    print('runs on')
    try:
        await asyncio.sleep(0)
    except asyncio.CancelledError:
        print('raised at sleep')
        raise


async def returns():
    asyncio.current_task().cancel()
    return 1


async def awaits_done():
    f = asyncio.get_running_loop().create_future()
    f.set_result(1)
    asyncio.current_task().cancel()
    print('passed the future that is done', await f)
    try:
        await asyncio.sleep(1)
    except asyncio.CancelledError:
        print('raised at the long sleep')


async def main():
    for c in suspends, returns, awaits_done:
        task = asyncio.create_task(c())
        await asyncio.wait([task])
        print(c.__name__, 'cancelled', task.cancelled())


asyncio.run(main())
