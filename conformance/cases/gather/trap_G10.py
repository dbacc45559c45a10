# SPDX-License-Identifier: MIT
# G10: a gather whose children are all done but which has not been told yet can't be cancelled: the results still come. A task that
# awaits one and is cancelled at that moment is cancelled.
import asyncio

async def main():
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    gathered = asyncio.gather(future)
    future.set_result('result')
    print(gathered.cancel(), *await gathered)

    future = loop.create_future()

    async def waiter():
        return await asyncio.gather(future)

    task = asyncio.create_task(waiter())
    await asyncio.sleep(0)
    future.set_result('result')
    task.cancel()
    await asyncio.wait([task])
    print(task.cancelled())

asyncio.run(main())
