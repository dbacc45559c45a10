# SPDX-License-Identifier: MIT
# Document 004, the same with the second coroutine: the shorter one stops the loop, the longer one is not waited for.
import asyncio, time
T0 = time.monotonic()

async def is_coroutine(loop, x):
    print(f'sleep {x} second')
    await asyncio.sleep(x)
    print(f'done by sleep {x} second')
    loop.stop()

loop = asyncio.new_event_loop()
t = loop.create_task(is_coroutine(loop, 3))
u = loop.create_task(is_coroutine(loop, 1))
loop.run_forever()
print('t=%d' % round(time.monotonic() - T0), t.done(), u.done())
t.cancel()
loop.run_until_complete(asyncio.gather(t, return_exceptions=True))
loop.close()
