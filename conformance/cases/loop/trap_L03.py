# SPDX-License-Identifier: MIT
# L03: call_later(0) is a timer: a call_soon made after it still runs before it.
import asyncio

loop = asyncio.new_event_loop()

def go():
    loop.call_later(0, print, 'later 0')
    loop.call_soon(print, 'soon')
    loop.call_later(0.02, loop.stop)

loop.call_soon(go)
loop.run_forever()
loop.close()
