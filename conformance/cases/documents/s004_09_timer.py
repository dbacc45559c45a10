# SPDX-License-Identifier: MIT
# Document 004, timer with callback (timer.py).  Fixes: the document builds the coroutine and never runs it; run here.
import asyncio

async def timer(x, cb):
    futu = asyncio.ensure_future(asyncio.sleep(x))
    futu.add_done_callback(cb)
    await futu

t = timer(3, lambda futu: print('Done'))
asyncio.run(t)
