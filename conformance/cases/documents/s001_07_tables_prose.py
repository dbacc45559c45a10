# SPDX-License-Identifier: MIT
# Document 001, its tables of functions and methods (is* checks, callbacks, loop state, call_soon/later/at).  The program is ours.
import asyncio, inspect

async def co(): await asyncio.sleep(0.1); return 'r'

async def main():
    loop = asyncio.get_running_loop()
    c = co(); t = asyncio.create_task(c); f = loop.create_future()
    print(inspect.iscoroutinefunction(co), asyncio.iscoroutine(c), asyncio.isfuture(c), asyncio.isfuture(t), asyncio.isfuture(f))
    print(asyncio.get_event_loop() is loop, loop.is_running(), loop.is_closed())
    cb = lambda x: print('callback', x.result())
    t.add_done_callback(cb); t.add_done_callback(cb); print('removed', t.remove_done_callback(cb)); t.add_done_callback(cb)
    print(await t)
    out = []
    base = loop.time()
    loop.call_at(base + 0.2, out.append, 'at 0.2')
    loop.call_later(0.1, out.append, 'later 0.1')
    loop.call_soon(out.append, 'soon')
    out.append('now')
    await asyncio.sleep(0.3)
    print(out)
    f.cancel(); print(f.cancelled())
    return loop

loop = asyncio.run(main())
print(loop.is_running(), loop.is_closed())
