# SPDX-License-Identifier: MIT
# W09: a TimeoutError of the awaitable's own comes as it is, without waiting for the limit.
import asyncio

async def fail():
    raise asyncio.TimeoutError('mine')

async def main():
    try:
        await asyncio.wait_for(fail(), 9)
    except asyncio.TimeoutError as e:
        print('TimeoutError', e)

asyncio.run(main())
