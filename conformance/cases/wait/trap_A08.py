# SPDX-License-Identifier: MIT
# needs 3.13
# A08: as an asynchronous iterator as_completed gives the very tasks handed in (since 3.13); leaving it early leaves the others running.
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
    tasks = [asyncio.create_task(job(name, units)) for name, units in (('a', 3), ('b', 1))]
    async for task in asyncio.as_completed(tasks):
        print(task is tasks[1])
        break
    print(tasks[0].done())
    await asyncio.wait(tasks)

asyncio.run(main())
