# SPDX-License-Identifier: MIT
# T22: a done-callback of a task runs one iteration after the task has ended, before or after those who await it, in order of
# registration.
import asyncio


async def c():
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_soon(print, 'an iteration later')
    print('ends')


async def awaiter(task):
    await task
    print('awaiter')


async def main():
    task = asyncio.create_task(c())
    task.add_done_callback(lambda _: print('callback 1'))
    waiting = asyncio.create_task(awaiter(task))
    await asyncio.sleep(0)
    task.add_done_callback(lambda _: print('callback 2'))
    await waiting


asyncio.run(main())
