# SPDX-License-Identifier: MIT
# Document 004, prose: a future can be given a callback with add_done_callback.  Program is ours: with functools.partial, and on a
# task that fails.
import asyncio, functools

def cb(label, fut):
    print(label, 'exception' if fut.exception() else fut.result())

async def ok(): return 1
async def bad(): raise ValueError

async def main():
    t, u = asyncio.ensure_future(ok()), asyncio.ensure_future(bad())
    t.add_done_callback(functools.partial(cb, 'ok'))
    u.add_done_callback(functools.partial(cb, 'bad'))
    print('callbacks set')
    await asyncio.wait([t, u])

asyncio.run(main())
