# SPDX-License-Identifier: MIT
# W04: with a limit of 0 or less a future that is done gives its result; anything else is cancelled at once, and never begins.
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
    future = asyncio.get_running_loop().create_future()
    future.set_result('result')
    print(await asyncio.wait_for(future, 0))
    for limit in (0, -1):
        try:
            await asyncio.wait_for(asyncio.create_task(job('a', 0)), limit)
        except asyncio.TimeoutError:
            print('TimeoutError')

asyncio.run(main())
