# SPDX-License-Identifier: MIT
# T15: sleep(0), and any delay below, lets the others run for exactly one iteration, without a timer; a short sleep goes through
# a timer. A sleep gives its result.
import asyncio


async def main():
    loop = asyncio.get_running_loop()
    n, on = 0, True

    def count():
        nonlocal n
        n += 1
        if on:
            loop.call_soon(count)

    loop.call_soon(count)
    for delay in 0, -1:
        before = n
        await asyncio.sleep(delay)
        print('iterations', n - before)
    on = False
    for delay in 0, -1, 0.001:
        task = asyncio.create_task(asyncio.sleep(delay, 'result'))
        await asyncio.sleep(0)
        print('a timer', len(loop._scheduled) > 0)
        print(await task)


asyncio.run(main())
