# SPDX-License-Identifier: MIT
# G08: a child that somebody else cancels: the gather raises the cancellation, though the task that awaits it is not being cancelled,
# and the siblings go on.
import asyncio

U = 0.2

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
    task = asyncio.create_task(job('a', 9))
    asyncio.get_running_loop().call_later(U, task.cancel)
    try:
        await asyncio.gather(task, job('b', 3))
    except asyncio.CancelledError:
        print('CancelledError', asyncio.current_task().cancelling())
    await asyncio.sleep(4 * U)

asyncio.run(main())
