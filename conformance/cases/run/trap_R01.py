# SPDX-License-Identifier: MIT
# R01: run cancels every task that is left, waits for all of them, and keeps the result of main.
import asyncio

U = 0.2

async def left(name, units):
    try:
        await asyncio.sleep(9)
    except asyncio.CancelledError:
        await asyncio.sleep(units * U)
        print(name, 'cleaned')
        raise

async def main():
    for name, units in (('a', 1), ('b', 3)):
        main.tasks.append(asyncio.create_task(left(name, units)))
    await asyncio.sleep(0)
    print('main ends')
    return 'result'

main.tasks = []
print(asyncio.run(main()))
print(*[task.cancelled() for task in main.tasks])
