# SPDX-License-Identifier: MIT
# Document 004, run_forever_and_stop.py (not included, rewritten): stop() at the end of the coroutine ends run_forever.
import asyncio, time
T0 = time.monotonic()

async def is_coroutine(loop, x):
    print(f'sleep {x} second')
    await asyncio.sleep(x)
    print(f'done by sleep {x} second')
    loop.stop()

loop = asyncio.new_event_loop()
t = loop.create_task(is_coroutine(loop, 3))
loop.run_forever()
print('t=%d' % round(time.monotonic() - T0), t.done())
loop.close()
