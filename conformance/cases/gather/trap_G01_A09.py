# SPDX-License-Identifier: MIT
# G01, A09: results come in the order of the arguments, whatever the order of the ends; children start in that order too.
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
    print(*await asyncio.gather(job('a', 2), job('b', 1)))

asyncio.run(main())
