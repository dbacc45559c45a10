# SPDX-License-Identifier: MIT
# G03: the same awaitable given twice runs once, and its result comes twice.
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
    task = asyncio.create_task(job('a', 0))
    print(*await asyncio.gather(task, task))

asyncio.run(main())
