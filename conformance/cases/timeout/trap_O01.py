# SPDX-License-Identifier: MIT
# O01: inside a timeout it is a cancellation, outside a TimeoutError; the task's count of requests is as before.
import asyncio

async def main():
    try:
        async with asyncio.timeout(0.1) as timeout:
            try:
                await asyncio.sleep(9)
            except asyncio.CancelledError:
                print('inside: CancelledError', asyncio.current_task().cancelling())
                raise
    except TimeoutError:
        print('outside: TimeoutError', timeout.expired(), asyncio.current_task().cancelling())

asyncio.run(main())
