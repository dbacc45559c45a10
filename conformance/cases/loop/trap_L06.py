# SPDX-License-Identifier: MIT
# L06: a timer never fires before its deadline.
import asyncio

loop = asyncio.new_event_loop()
slack = 1e-9    # one resolution of the clock: CPython's only licence
early = []

def check(when):
    if loop.time() < when - slack:
        early.append(when)

for i in range(1, 60):
    when = loop.time() + i * 0.00137
    loop.call_at(when, check, when)
loop.call_later(0.15, loop.stop)
loop.run_forever()
loop.close()
print('early:', len(early))
