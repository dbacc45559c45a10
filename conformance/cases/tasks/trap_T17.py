# SPDX-License-Identifier: MIT
# T17: a task that awaits itself gets an error, and can go on.
import asyncio


async def me():
    try:
        await asyncio.current_task()
    except RuntimeError:
        print('a task cannot await itself')
    await asyncio.sleep(0)
    return 'went on'


async def main():
    print(await asyncio.create_task(me()))


asyncio.run(main())
