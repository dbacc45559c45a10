# SPDX-License-Identifier: MIT
# K05: a cancel from outside while the group deals with a child's error: the errors win, and the parent is cancelled again in
# its next await, its count being 1.
# needs 3.13
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

async def slow(name, units, error=None):
    try:
        await asyncio.sleep(90 * U)
    except asyncio.CancelledError:
        print(name + 'X')
        await asyncio.sleep(units * U)
        print(name + ' cleaned')
        if error:
            raise error
        raise

def say(group):
    print('ExceptionGroup:', *(error.args[0] for error in group.exceptions))

async def parent():
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(slow('b', 2))
            group.create_task(job('a', 1, ValueError('a')))
    except ExceptionGroup as failure:
        say(failure)
    print('cancelling', asyncio.current_task().cancelling())
    try:
        await asyncio.sleep(0)
        print('next await fine')
    except asyncio.CancelledError:
        print('next await CancelledError')
        raise

async def main():
    task = asyncio.create_task(parent())
    await asyncio.sleep(2 * U)
    print('cancel', task.cancel())
    await asyncio.wait([task])
    print(task.cancelled())

asyncio.run(main())
