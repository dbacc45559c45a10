# SPDX-License-Identifier: MIT
# K04: an exception in the body cancels the children, waits for them, and is itself wrapped in the ExceptionGroup. A mere
# cancellation of the parent is raised bare.
import asyncio

U = 0.1

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

def say(group):
    print('ExceptionGroup:', *(error.args[0] for error in group.exceptions))

async def parent():
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(job('b', 90))
    except BaseException as failure:
        print(type(failure).__name__)
        raise

async def main():
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(job('a', 90))
            await asyncio.sleep(0)
            raise KeyError('body')
    except ExceptionGroup as failure:
        say(failure)
    task = asyncio.create_task(parent())
    await asyncio.sleep(U)
    task.cancel()
    await asyncio.wait([task])
    print(task.cancelled())

asyncio.run(main())
