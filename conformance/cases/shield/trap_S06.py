# SPDX-License-Identifier: MIT
# S06: a shield protects from one path only: awaiting the task itself exposes it again.
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
    task = asyncio.create_task(job('inner', 9))

    async def waiter():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            await task

    outer = asyncio.create_task(waiter())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    outer.cancel()
    await asyncio.sleep(0)
    outer.cancel()
    await asyncio.wait([outer])
    print(task.cancelled(), outer.cancelled())

asyncio.run(main())
