# SPDX-License-Identifier: MIT
# T03: cancel() before the first step: the body never runs, not even its finally; cancelled() becomes True one iteration later.
import asyncio


async def c():
    try:
        print('ran')
    finally:
        print('finally')


async def main():
    task = asyncio.create_task(c())
    print(task.cancel(), task.done(), task.cancelled())
    await asyncio.sleep(0)
    print(task.done(), task.cancelled())


asyncio.run(main())
