# SPDX-License-Identifier: MIT
# T16: cancelling a sleep cancels its timer.
import asyncio


async def main():
    loop = asyncio.get_running_loop()
    task = asyncio.create_task(asyncio.sleep(50))
    await asyncio.sleep(0)
    print('timers', sum(not timer.cancelled() for timer in loop._scheduled))
    task.cancel()
    await asyncio.wait([task])
    print('timers', sum(not timer.cancelled() for timer in loop._scheduled))


asyncio.run(main())
