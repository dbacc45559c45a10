# SPDX-License-Identifier: MIT
# K07: leaving an empty group, or one whose tasks are done, does not suspend.
import asyncio

async def nothing():
    print('child')

async def main():
    loop = asyncio.get_running_loop()
    loop.call_soon(print, 'tick 1')
    async with asyncio.TaskGroup():
        pass
    print('left the empty one')
    await asyncio.sleep(0)
    async with asyncio.TaskGroup() as group:
        await group.create_task(nothing())
        loop.call_soon(print, 'tick 2')
    print('left the one whose task is done')
    await asyncio.sleep(0)

asyncio.run(main())
