# SPDX-License-Identifier: MIT
# T01: create_task() does not run the coroutine: its first step is queued, first in first out with the others'; the creator goes
# on until it suspends.
import asyncio


async def c(name):
    print(name)


async def main():
    tasks = [asyncio.create_task(c(name)) for name in 'abc']
    print('main')
    await asyncio.sleep(0)
    print('main again', [task.done() for task in tasks].count(True))


asyncio.run(main())
