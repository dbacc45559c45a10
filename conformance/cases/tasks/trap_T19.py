# SPDX-License-Identifier: MIT
# T19: all_tasks() holds the tasks that are not done, those not started yet too, and never a plain future.
import asyncio


async def c():
    pass


def show():
    print(sorted(task.get_name() for task in asyncio.all_tasks()))


async def main():
    asyncio.current_task().set_name('main')
    f = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(c(), name='task')
    show()
    await task
    show()
    f.cancel()


asyncio.run(main())
