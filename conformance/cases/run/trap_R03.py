# SPDX-License-Identifier: MIT
# R03: a task made while run cancels those that are left is neither cancelled nor awaited.
import asyncio
import logging

logging.getLogger('asyncio').disabled = True    # "Task was destroyed but it is pending!"

async def second():
    print('second starts')
    await asyncio.sleep(9)
    print('second ends')

async def first():
    try:
        await asyncio.sleep(9)
    except asyncio.CancelledError:
        first.task = asyncio.create_task(second())
        await asyncio.sleep(0.1)
        print('first ends')
        raise

async def main():
    main.task = asyncio.create_task(first())
    await asyncio.sleep(0)

asyncio.run(main())
print(main.task.cancelled(), first.task.cancelled())
