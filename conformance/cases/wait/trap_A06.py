# SPDX-License-Identifier: MIT
# A06: as_completed gives results in the order of the ends; a task given twice counts once.
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
    tasks = [asyncio.create_task(job(name, units)) for name, units in (('a', 5), ('b', 1), ('c', 3))]
    for future in asyncio.as_completed(tasks + tasks):
        print(await future)
    print('end')

asyncio.run(main())
