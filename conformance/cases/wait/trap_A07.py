# SPDX-License-Identifier: MIT
# A07: once the limit has passed, as_completed raises a TimeoutError for each that is left, and cancels nothing.
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
    tasks = [asyncio.create_task(job(name, units)) for name, units in (('a', 1), ('b', 6), ('c', 8))]
    for future in asyncio.as_completed(tasks, timeout=3 * U):
        try:
            print(await future)
        except asyncio.TimeoutError:
            print('TimeoutError')
    print(*[task.done() for task in tasks])
    await asyncio.wait(tasks)

asyncio.run(main())
