# SPDX-License-Identifier: MIT
# K02: errors that siblings raise while they are being cancelled are collected as well, in the order in which they come.
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

async def fails_late(name, units):
    try:
        await asyncio.sleep(90 * U)
    except asyncio.CancelledError:
        await asyncio.sleep(units * U)
        print(name, 'fails')
        raise KeyError(name)

def say(group):
    print('ExceptionGroup:', *(error.args[0] for error in group.exceptions))

async def main():
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(fails_late('third', 2))
            group.create_task(fails_late('second', 1))
            group.create_task(job('first', 1, ValueError('first')))
    except ExceptionGroup as failure:
        say(failure)

asyncio.run(main())
