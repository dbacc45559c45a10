# SPDX-License-Identifier: MIT
# L13: close is refused while the loop runs, can be repeated, and drops what is queued; after it everything is refused.
import asyncio

loop = asyncio.new_event_loop()

async def coroutine():
    print('ran')

def try_to_close():
    try:
        loop.close()
    except RuntimeError:
        print('refused: running')
    loop.stop()

loop.call_soon(try_to_close)
loop.run_forever()
loop.call_soon(print, 'dropped')
loop.close()
loop.close()
print(loop.is_closed(), loop.is_running())
coro = coroutine()
for call in (lambda: loop.call_soon(print), lambda: loop.call_later(1, print), lambda: loop.call_soon_threadsafe(print),
             lambda: loop.create_task(coro), loop.run_forever):
    try:
        call()
    except RuntimeError:
        print('refused: closed')
coro.close()
