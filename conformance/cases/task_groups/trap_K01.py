# SPDX-License-Identifier: MIT
# K01: the first failure cancels all siblings and the parent's body, and waits for all of them. The ExceptionGroup has the
# errors only, no cancelled sibling, and the parent's cancel count is 0 again.
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

async def main():
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(job('a', 1, ValueError('a')))
            group.create_task(slow('b', 1))
            try:
                await asyncio.sleep(90 * U)
            except asyncio.CancelledError:
                print('body X')
                raise
    except ExceptionGroup as failure:
        say(failure)
    print('cancelling', asyncio.current_task().cancelling())

asyncio.run(main())
