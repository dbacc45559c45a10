# SPDX-License-Identifier: MIT
# Document 001, "behind the scenes" of sleep.  Fix: the document shows the library's source; here the same
# algorithm is written against the public API and compared with asyncio.sleep.
import asyncio, math, time

async def my_sleep(delay, result=None):
    if delay <= 0:
        await asyncio.sleep(0)
        return result
    if math.isnan(delay):
        raise ValueError("Invalid delay: NaN (not a number)")
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    h = loop.call_later(delay, lambda f, r: f.cancelled() or f.set_result(r), future, result)
    try:
        return await future
    finally:
        h.cancel()

async def main():
    for sl in (my_sleep, asyncio.sleep):
        t = time.monotonic()
        print(await sl(1), await sl(0.1, 'res'), await sl(0, 'zero'), await sl(-1), 't=%.1f' % (time.monotonic() - t))
        task = asyncio.create_task(sl(50))
        await asyncio.sleep(0)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            print('cancelled')
    try:
        await my_sleep(float('nan'))
    except ValueError as e:
        print(e)

asyncio.run(main())
