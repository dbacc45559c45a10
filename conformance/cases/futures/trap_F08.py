# SPDX-License-Identifier: MIT
# F08: those who wait for one future wake in the order in which they began to, all in one iteration, and see the same result.
import asyncio

async def waiter(name, future):
    print(name, await future)

async def main():
    future = asyncio.get_running_loop().create_future()
    tasks = [asyncio.create_task(waiter(name, future)) for name in 'abc']
    await asyncio.sleep(0)
    future.set_result(7)
    await asyncio.sleep(0)
    print('main')
    await asyncio.wait(tasks)

asyncio.run(main())
