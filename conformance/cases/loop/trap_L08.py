# SPDX-License-Identifier: MIT
# L08: stop before run_forever: one iteration is run, with what is ready and the timers due, and it does not wait.
import asyncio

loop = asyncio.new_event_loop()

def one():
    print('one')
    loop.call_soon(print, 'two')

loop.call_soon(one)
loop.call_later(10, print, 'never')
loop.stop()
loop.run_forever()
print('returned')
loop.stop()
loop.run_forever()
print('returned')
loop.close()
