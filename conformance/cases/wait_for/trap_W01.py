# SPDX-License-Identifier: MIT
# W01: at the limit the awaitable is cancelled, and wait_for waits until it has really ended.
import asyncio

U = 0.2

async def slow():
    try:
        await asyncio.sleep(9)
    except asyncio.CancelledError:
        print('cancelled')
        await asyncio.sleep(2 * U)
        print('cleaned')
        raise

async def main():
    try:
        await asyncio.wait_for(slow(), U)
    except asyncio.TimeoutError:
        print('TimeoutError')

asyncio.run(main())
