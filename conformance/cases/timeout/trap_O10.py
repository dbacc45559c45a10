# SPDX-License-Identifier: MIT
# O10: a timeout can't be entered twice; wait_for inside a timeout, and a timeout inside wait_for.
# needs 3.12: the refusals came in the course of 3.11
import asyncio

async def limited():
    try:
        async with asyncio.timeout(0.1):
            await asyncio.sleep(9)
    except TimeoutError:
        return 'inner timeout'

async def main():
    timeout = asyncio.timeout(1)
    async with timeout:
        pass
    try:
        async with timeout:
            pass
    except RuntimeError:
        print('refused')
    async with asyncio.timeout(5) as timeout:
        try:
            await asyncio.wait_for(asyncio.sleep(9), 0.1)
        except TimeoutError:
            print('inner wait_for', timeout.expired())
    print(await asyncio.wait_for(limited(), 5))

asyncio.run(main())
