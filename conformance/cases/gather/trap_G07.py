# SPDX-License-Identifier: MIT
# G07: a cancelled gather raises the cancellation even with return_exceptions, and even when every child swallowed it.
import asyncio

async def stubborn():
    try:
        await asyncio.sleep(9)
    except asyncio.CancelledError:
        print('swallowed')

async def main():
    for return_exceptions in (False, True):
        gathered = asyncio.gather(stubborn(), stubborn(), return_exceptions=return_exceptions)
        await asyncio.sleep(0)
        gathered.cancel()
        try:
            await gathered
        except asyncio.CancelledError:
            print('CancelledError', gathered.cancelled())

asyncio.run(main())
