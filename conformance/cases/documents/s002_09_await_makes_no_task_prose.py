# SPDX-License-Identifier: MIT
# Document 002, prose: the author suspects that await wraps its coroutine in a task.  CPython does not: this shows it.
# Also: create_task lets you do other work before waiting.  The program is ours.
import asyncio

async def inner():
    return asyncio.current_task(), len(asyncio.all_tasks())

async def main():
    me = asyncio.current_task()
    t, n = await inner()
    print('await: same task', t is me, 'tasks', n)
    t, n = await asyncio.create_task(inner())
    print('create_task: same task', t is me, 'tasks', n)

asyncio.run(main())
