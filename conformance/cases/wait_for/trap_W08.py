# SPDX-License-Identifier: MIT
# needs 3.12
# W08: the future is done and the limit passes in one iteration, the future first: it is out of time all the same (since 3.12).
import asyncio
import time

async def main():
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    loop.call_later(0.25, future.set_result, 'result')
    task = asyncio.create_task(asyncio.wait_for(future, 0.3))
    await asyncio.sleep(0.05)
    loop.call_soon(time.sleep, 0.4)
    try:
        print(await task)
    except asyncio.TimeoutError:
        print('TimeoutError', future.result())

asyncio.run(main())
