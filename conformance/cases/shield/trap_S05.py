# SPDX-License-Identifier: MIT
# S05: wait_for a shield: at the limit the shield is cancelled, the task is not.
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
    shield = asyncio.shield(task)
    try:
        await asyncio.wait_for(shield, U)
    except asyncio.TimeoutError:
        print(shield.cancelled(), task.cancelled())
    print(await task)

asyncio.run(main())
