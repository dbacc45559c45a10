# SPDX-License-Identifier: MIT
# Document 004, gather against wait.  Fixes: new_event_loop(); wait() no longer takes coroutines (3.11), so tasks are passed; the
# unused loop parameter is kept.
import asyncio, time

async def is_coroutine(loop, x):
    print(f'sleep {x} second')
    await asyncio.sleep(x)
    print('done')
    return x

loop = asyncio.new_event_loop()
T0 = time.monotonic()
coroutines = [loop.create_task(is_coroutine(loop, 1)), loop.create_task(is_coroutine(loop, 3))]
done, pending = loop.run_until_complete(asyncio.wait(coroutines))
print('wait:', sorted(t.result() for t in done), pending, 't=%d' % round(time.monotonic() - T0))

async def g(): return await asyncio.gather(is_coroutine(loop, 1), is_coroutine(loop, 3))
T0 = time.monotonic()
print('gather:', loop.run_until_complete(g()), 't=%d' % round(time.monotonic() - T0))
loop.close()
