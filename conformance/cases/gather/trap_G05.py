# SPDX-License-Identifier: MIT
# G05: with return_exceptions it waits for all, and exceptions and cancellations are results.
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
    task = asyncio.create_task(job('c', 9))
    asyncio.get_running_loop().call_later(U, task.cancel)
    for result in await asyncio.gather(job('a', 2, ValueError()), task, job('b', 3), return_exceptions=True):
        print({ValueError: 'EINVAL', asyncio.CancelledError: 'AW_ECANCELLED'}.get(type(result), result))

asyncio.run(main())
