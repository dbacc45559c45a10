# SPDX-License-Identifier: MIT
# Document 001, prose: awaiting a coroutine runs it at once in the same task; awaiting a task suspends; a created task may run
# before its await statement; the await's value is the return value.  The program is ours.
import asyncio

async def c(n):
    print(n, 'runs in', asyncio.current_task().get_name())
    await asyncio.sleep(0)
    return n * 2

async def main():
    asyncio.current_task().set_name('main')
    print(await c('a'))
    t = asyncio.create_task(c('b'), name='task-b')
    print('created, not run')
    await asyncio.sleep(0)
    print('after one turn')
    print(await t)
asyncio.run(main())
