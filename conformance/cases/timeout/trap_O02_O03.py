# SPDX-License-Identifier: MIT
# O02: of two nested timeouts the inner one passes first: it alone turns into a TimeoutError. O03: the outer one passes first: the inner
# lets the cancellation through, and the TimeoutError appears at the outer one.
import asyncio

async def main():
    async with asyncio.timeout(9) as outer:
        try:
            async with asyncio.timeout(0.1) as inner:
                await asyncio.sleep(9)
        except TimeoutError:
            print('inner: TimeoutError', inner.expired(), outer.expired())
        await asyncio.sleep(0)
        print('goes on')
    try:
        async with asyncio.timeout(0.1) as outer:
            try:
                async with asyncio.timeout(9) as inner:
                    await asyncio.sleep(9)
            except asyncio.CancelledError:
                print('inner: CancelledError')
                raise
    except TimeoutError:
        print('outer: TimeoutError', inner.expired(), outer.expired())

asyncio.run(main())
