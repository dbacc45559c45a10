# SPDX-License-Identifier: MIT
# needs 3.12
# T25: an eager task takes its first step before create_task() returns; a coroutine that never suspends gives a task that is
# done, and whose callbacks still go through call_soon. current_task() is the eager one during that step, and then what it was.
import asyncio


async def gives(creator):
    print('body, in a task of its own', asyncio.current_task() is not creator)
    return 1


async def suspends():
    print('first step')
    await asyncio.sleep(0)
    print('second step')


async def main():
    me = asyncio.current_task()
    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
    task = asyncio.create_task(gives(me))
    print('created', task.done(), asyncio.current_task() is me, len(asyncio.all_tasks()))
    task.add_done_callback(lambda _: print('callback'))
    print('not inline')
    other = asyncio.create_task(suspends())
    print('main', other.done())
    await other
    print('main again', task.result())


asyncio.run(main())
