# SPDX-License-Identifier: MIT
# Document 004, first example (event_loop.py).  Fix: get_event_loop() -> new_event_loop().
import asyncio

async def is_coroutine(x):
    print(f'sleep {x} second')
    await asyncio.sleep(x)
    print('done')

loop = asyncio.new_event_loop()
loop.run_until_complete(is_coroutine(5))
loop.close()
