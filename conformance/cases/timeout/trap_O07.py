# SPDX-License-Identifier: MIT
# O07: a deadline that is past does not fail by itself, but at the first suspension.
import asyncio

async def main():
    async with asyncio.timeout(0) as timeout:
        pass
    print('no suspension', timeout.expired())
    for delay in (-1, 0):
        try:
            async with asyncio.timeout(delay):
                await asyncio.sleep(0)
                print('not reached')
        except TimeoutError:
            print('TimeoutError')

asyncio.run(main())
