# SPDX-License-Identifier: MIT
# O05: a cancellation from outside stays one, also when the deadline passes in the same iteration.
import asyncio
import time

async def limited(block):
    async with asyncio.timeout(0.2):
        if block:
            time.sleep(0.3)
        await asyncio.sleep(9)

async def main():
    for block in (False, True):
        task = asyncio.create_task(limited(block))
        asyncio.get_running_loop().call_later(0.1, task.cancel)
        await asyncio.wait([task])
        print(task.cancelled(), task.cancelling())

asyncio.run(main())
