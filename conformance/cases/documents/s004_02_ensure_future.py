# SPDX-License-Identifier: MIT
# Document 004, run_until_complete(ensure_future(coro)).  Fixes: new_event_loop(); without a running loop ensure_future needs the
# loop (since 3.10 warning, 3.12/3.14 error), so loop= is passed; 5 s shortened to 1 s.
import asyncio

async def is_coroutine(x):
    print(f'sleep {x} second')
    await asyncio.sleep(x)
    print('done')

loop = asyncio.new_event_loop()
loop.run_until_complete(asyncio.ensure_future(is_coroutine(1), loop=loop))
loop.close()
