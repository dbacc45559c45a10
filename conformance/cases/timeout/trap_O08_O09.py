# SPDX-License-Identifier: MIT
# O08: a block that swallows the cancellation raises nothing, and the count of requests is as before. O09: a block that answers with
# another exception raises that one.
import asyncio

async def main():
    async with asyncio.timeout(0.1) as timeout:
        try:
            await asyncio.sleep(9)
        except asyncio.CancelledError:
            pass
    print(timeout.expired(), asyncio.current_task().cancelling())
    try:
        async with asyncio.timeout(0.1) as timeout:
            try:
                await asyncio.sleep(9)
            except asyncio.CancelledError:
                raise ValueError('other')
    except ValueError as e:
        print(e, timeout.expired(), asyncio.current_task().cancelling())

asyncio.run(main())
