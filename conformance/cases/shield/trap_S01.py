# SPDX-License-Identifier: MIT
# S01: cancelling the one who awaits a shield gives it the cancellation at once; the task behind goes on.
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
    task = asyncio.create_task(job('inner', 3))

    async def waiter():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            print('outer X')
            raise

    outer = asyncio.create_task(waiter())
    await asyncio.sleep(U)
    outer.cancel()
    await asyncio.wait([outer])
    print(outer.cancelled(), task.cancelled())
    print(await task)

asyncio.run(main())
