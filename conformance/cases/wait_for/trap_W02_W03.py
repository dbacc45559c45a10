# SPDX-License-Identifier: MIT
# W02: an awaitable that swallows the cancellation and gives a value: that is the result. W03: one that answers with another exception:
# that one is raised.
import asyncio

async def swallow():
    try:
        await asyncio.sleep(9)
    except asyncio.CancelledError:
        return 'late value'

async def other():
    try:
        await asyncio.sleep(9)
    except asyncio.CancelledError:
        raise ValueError('other')

async def main():
    print(await asyncio.wait_for(swallow(), 0.2))
    try:
        await asyncio.wait_for(other(), 0.2)
    except ValueError as e:
        print(e)

asyncio.run(main())
