# SPDX-License-Identifier: MIT
# S02: cancelling the task behind a shield cancels the shield too.
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
    task = asyncio.create_task(job('inner', 2))
    shield = asyncio.shield(task)
    await asyncio.sleep(0)
    task.cancel()
    try:
        await shield
    except asyncio.CancelledError:
        print(shield.cancelled(), task.cancelled())

asyncio.run(main())
