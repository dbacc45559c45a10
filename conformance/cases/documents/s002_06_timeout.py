# SPDX-License-Identifier: MIT
# Document 002, timeout fragment.  Fixes: the document writes asyncio.timout (the author notes it is missing before 3.11);
# ready_to_battle supplied; 5 s shortened to 0.5 s.
import asyncio

async def ready_to_battle(d):
    try:
        await asyncio.sleep(d)
        print('ready')
    except asyncio.CancelledError:
        print('interrupted')
        raise

async def main():
    async with asyncio.timeout(0.5) as cm:
        await ready_to_battle(0.1)
    print(cm.expired())
    try:
        async with asyncio.timeout(0.5) as cm:
            await ready_to_battle(5)
    except TimeoutError:
        print('TimeoutError', cm.expired())

asyncio.run(main())
