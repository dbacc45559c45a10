# SPDX-License-Identifier: MIT
# T23: ensure_future() gives a task or future back unchanged; create_task() of what is no coroutine is refused.
import asyncio


async def c():
    return 'ran'


async def main():
    task = asyncio.create_task(c())
    print(asyncio.ensure_future(task) is task)
    f = asyncio.get_running_loop().create_future()
    print(asyncio.ensure_future(f) is f)
    try:
        asyncio.create_task(f)
    except TypeError:
        print('refused')
    print(await task, f.done())


asyncio.run(main())
