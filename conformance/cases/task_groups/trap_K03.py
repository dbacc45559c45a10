# SPDX-License-Identifier: MIT
# K03: a child that is cancelled on its own does not affect the group.
import asyncio

U = 0.1

async def job(name, units, error=None):
    print(name + '+')
    try:
        await asyncio.sleep(units * U)
    except asyncio.CancelledError:
        print(name + 'X')
        raise
    if error:
        raise error
    print(name + '-')
    return name

async def main():
    async with asyncio.TaskGroup() as group:
        a = group.create_task(job('a', 90))
        group.create_task(job('b', 2))
        await asyncio.sleep(U)
        a.cancel()
        print('body goes on')
    print('left', a.cancelled(), asyncio.current_task().cancelling())

asyncio.run(main())
