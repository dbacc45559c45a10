# SPDX-License-Identifier: MIT
# G11: children are scheduled when gather is called, not when it is awaited.
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
    gathered = asyncio.gather(job('a', 1))
    await asyncio.sleep(0)
    print('awaits')
    await gathered

asyncio.run(main())
