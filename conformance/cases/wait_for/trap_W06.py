# SPDX-License-Identifier: MIT
# W06: cancelling the task in wait_for cancels the awaitable, waits for it, and raises the cancellation.
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
    task = asyncio.create_task(asyncio.wait_for(job('inner', 9), 8 * U))
    await asyncio.sleep(U)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        print('CancelledError', task.cancelled())

asyncio.run(main())
