# SPDX-License-Identifier: MIT
# F07: awaiting a future that is done does not suspend: no other task gets a turn.
import asyncio

async def other():
    print('other')

async def main():
    future = asyncio.get_running_loop().create_future()
    future.set_result(None)
    task = asyncio.create_task(other())
    await future
    await future
    print('main')
    await task

asyncio.run(main())
