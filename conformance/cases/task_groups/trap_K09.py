# SPDX-License-Identifier: MIT
# K09: the failure of a group in a child task is a group within the outer group, whose other children are cancelled. That of a
# group within the body, which the body catches, does not affect the outer one.
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

def tell(failure):
    if isinstance(failure, ExceptionGroup):
        return 'ExceptionGroup(' + ', '.join(map(tell, failure.exceptions)) + ')'
    return failure.args[0]

async def inner():
    async with asyncio.TaskGroup() as group:
        group.create_task(job('x', 1, ValueError('x')))

async def main():
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(inner())
            group.create_task(job('b', 90))
    except ExceptionGroup as failure:
        print('outer:', tell(failure))
    async with asyncio.TaskGroup() as group:
        group.create_task(job('c', 2))
        try:
            await inner()
        except ExceptionGroup as failure:
            print('inner:', tell(failure))
    print('outer: no failure')

asyncio.run(main())
