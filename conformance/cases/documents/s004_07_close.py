# SPDX-License-Identifier: MIT
# Document 004, close.py (not included, rewritten): as long as the loop is not closed it can be run again; after close() running
# it raises.
import asyncio

async def is_coroutine(x):
    print(f'sleep {x} second')
    await asyncio.sleep(x)
    print('done')

loop = asyncio.new_event_loop()
loop.run_until_complete(is_coroutine(1))
loop.run_until_complete(is_coroutine(1))
loop.close()
c = is_coroutine(1)
try:
    loop.run_until_complete(c)
except RuntimeError as e:
    print('RuntimeError:', e)
c.close()
