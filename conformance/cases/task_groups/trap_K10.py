# SPDX-License-Identifier: MIT
# K10: a child fails while the parent waits in the group's exit already: the parent's cancel count is 0 afterwards, and a later
# timeout in that task does its work.
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

def say(group):
    print('ExceptionGroup:', *(error.args[0] for error in group.exceptions))

async def main():
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(job('a', 1, ValueError('a')))
    except ExceptionGroup as failure:
        say(failure)
    print('cancelling', asyncio.current_task().cancelling())
    try:
        async with asyncio.timeout(U):
            await asyncio.sleep(90 * U)
    except TimeoutError:
        print('TimeoutError', asyncio.current_task().cancelling())

asyncio.run(main())
