# SPDX-License-Identifier: MIT
# R02: a task that is left and fails while it is cancelled is told; one that swallows the cancellation is awaited to its end.
import asyncio

async def fail():
    try:
        await asyncio.sleep(9)
    except asyncio.CancelledError:
        raise ValueError

async def stubborn():
    try:
        await asyncio.sleep(9)
    except asyncio.CancelledError:
        pass
    await asyncio.sleep(0.2)
    print('ended by itself')

def told(loop, context):
    print(context['message'], 'exception' in context)

async def main():
    asyncio.get_running_loop().set_exception_handler(told)
    main.tasks = [asyncio.create_task(fail()), asyncio.create_task(stubborn())]
    await asyncio.sleep(0)

asyncio.run(main())
