# SPDX-License-Identifier: MIT
# Y16: an event belongs to one loop; a wait for it in another loop is refused.
import asyncio

U = 0.05

async def one(event):
    try:
        await asyncio.wait_for(asyncio.create_task(event.wait()), U)
    except asyncio.TimeoutError:
        print('timeout')

async def two(event):
    try:
        await event.wait()
    except RuntimeError:
        print('refused')

event = asyncio.Event()
with asyncio.Runner() as first, asyncio.Runner() as second:
    first.run(one(event))
    second.run(two(event))
