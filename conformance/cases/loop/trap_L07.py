# SPDX-License-Identifier: MIT
# L07: when a cancelled timer leaves the heap is CPython's own affair; what shows is how many are still to come. In libawait a
# cancelled one is let go of in the next iteration.
import asyncio

loop = asyncio.new_event_loop()


def left():
    loop.call_soon(loop.stop)
    loop.run_forever()
    return sum(not timer.cancelled() for timer in loop._scheduled)


timers = [loop.call_later(1000 + i, print) for i in range(100)]
for timer in timers[1:]:
    timer.cancel()
print('100 scheduled, 99 cancelled:', left())
more = [loop.call_later(2000 + i, print) for i in range(101)]
print('201 scheduled, 99 cancelled:', left())
for timer in more[:2]:
    timer.cancel()
print('201 scheduled, 101 cancelled:', left())
loop.close()
