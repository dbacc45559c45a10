# SPDX-License-Identifier: MIT
# O04: both deadlines pass in one iteration: each made a request, so that the inner one sees a stranger's and lets the cancellation
# through; the outer one turns it into a TimeoutError.
import asyncio
import time

async def main():
    try:
        async with asyncio.timeout(0.1) as outer:
            try:
                async with asyncio.timeout(0.12) as inner:
                    time.sleep(0.3)
                    await asyncio.sleep(9)
            except asyncio.CancelledError:
                print('inner: CancelledError')
                raise
    except TimeoutError:
        print('outer: TimeoutError', outer.expired(), inner.expired(), asyncio.current_task().cancelling())

asyncio.run(main())
