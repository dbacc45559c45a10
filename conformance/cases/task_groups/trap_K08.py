# SPDX-License-Identifier: MIT
# K08: a SystemExit of the body or of a child is raised bare, not in an ExceptionGroup. That of a child leaves the loop at once.
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

async def body_exits():
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(job('a', 90))
            await asyncio.sleep(0)
            raise SystemExit
    except BaseException as failure:
        print('group:', type(failure).__name__)
        raise

async def exits():
    print('child exits')
    raise SystemExit

async def child_exits():
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(job('b', 90))
            group.create_task(exits())
    except BaseException as failure:
        print('group:', type(failure).__name__)

for main in body_exits, child_exits:
    try:
        asyncio.run(main())
    except SystemExit:
        print('run: SystemExit')
