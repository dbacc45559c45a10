# SPDX-License-Identifier: MIT
# T18: nobody sets the result or the exception of a task. Names are Task-N by default, from one counter.
import asyncio


async def c():
    return 'its own'


async def main():
    tasks = [asyncio.create_task(c()) for _ in range(3)]
    for set_it in (lambda: tasks[0].set_result(1), lambda: tasks[0].set_exception(TimeoutError())):
        try:
            set_it()
        except RuntimeError:
            print('refused')
    tasks[2].set_name('x')
    print(asyncio.current_task().get_name(), [task.get_name() for task in tasks])
    print(await tasks[0])
    await asyncio.wait(tasks)


asyncio.run(main())
