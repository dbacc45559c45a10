# SPDX-License-Identifier: MIT
# A02: FIRST_COMPLETED counts any end, also a cancellation; FIRST_EXCEPTION counts failures alone, and waits for all if there is none.
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
    for when in (asyncio.FIRST_COMPLETED, asyncio.FIRST_EXCEPTION):
        print(when)
        tasks = [asyncio.create_task(job('a', 9)), asyncio.create_task(job('b', 3, ValueError())), asyncio.create_task(job('c', 5))]
        asyncio.get_running_loop().call_later(U, tasks[0].cancel)
        done, pending = await asyncio.wait(tasks, return_when=when)
        print(len(done), len(pending))
        await asyncio.wait(tasks)
    tasks = [asyncio.create_task(job('d', 1)), asyncio.create_task(job('e', 2))]
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    print(len(done), len(pending))

asyncio.run(main())
