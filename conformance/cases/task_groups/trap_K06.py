# SPDX-License-Identifier: MIT
# K06: a group takes no tasks before it is entered, while it shuts down, and when it is finished. After its body has ended its
# children may still add some.
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

async def nothing():
    pass

def attempt(when, group):
    coroutine = nothing()
    try:
        group.create_task(coroutine)
        print(when, 'taken')
    except RuntimeError:
        print(when, 'refused')
        coroutine.close()

async def adder(group):
    await asyncio.sleep(U)
    group.create_task(job('late', 1))

async def cancelled(group):
    try:
        await asyncio.sleep(90 * U)
    finally:
        attempt('shutting down', group)

async def main():
    group = asyncio.TaskGroup()
    attempt('not entered', group)
    async with group:
        group.create_task(adder(group))
        print('body ends')
    attempt('finished', group)
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(cancelled(group))
            await asyncio.sleep(0)
            raise KeyError
    except ExceptionGroup:
        print('ExceptionGroup')

asyncio.run(main())
