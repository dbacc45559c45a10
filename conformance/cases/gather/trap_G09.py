# SPDX-License-Identifier: MIT
# G09: a gather that has failed can't be cancelled, and the children that run go on.
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
    gathered = asyncio.gather(job('a', 1, ValueError()), job('b', 2))
    try:
        await gathered
    except ValueError:
        print('cancel', gathered.cancel())
    await asyncio.sleep(2 * U)

asyncio.run(main())
