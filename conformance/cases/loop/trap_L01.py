# SPDX-License-Identifier: MIT
# L01: call_soon is first in, first out; what a callback schedules runs in the next iteration, behind all that is queued
# already.
import asyncio

loop = asyncio.new_event_loop()

def a():
    print('a')
    loop.call_soon(print, 'a2')

def b():
    print('b')
    loop.call_soon(print, 'b2')

loop.call_soon(a)
loop.call_soon(b)
loop.call_soon(print, 'c')
loop.call_soon(lambda: loop.call_soon(loop.stop))
loop.run_forever()
loop.close()
