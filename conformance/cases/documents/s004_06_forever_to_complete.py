# SPDX-License-Identifier: MIT
# Document 004, forever_to_complete.py (not included, rewritten): gather both, stop the loop in the gather's done callback.
import asyncio, time
T0 = time.monotonic()

async def is_coroutine(x):
    print(f'sleep {x} second')
    await asyncio.sleep(x)
    print(f'done by sleep {x} second')

loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)

def on_done(loop, futu):
    print('callback', futu.done())
    loop.stop()

async def start():
    futus = asyncio.gather(is_coroutine(1), is_coroutine(3))
    futus.add_done_callback(lambda f: on_done(loop, f))
    keep.append(futus)

keep = []
loop.create_task(start())
loop.run_forever()
print('t=%d' % round(time.monotonic() - T0))
asyncio.set_event_loop(None)
loop.close()
