# SPDX-License-Identifier: MIT
# L05: different deadlines run in their order, whatever the order of the calls, also when several are overdue in one iteration.
import asyncio
import time

loop = asyncio.new_event_loop()
base = loop.time()
for d in (3, 1, 2):
    loop.call_at(base + d * 0.01, print, d)
loop.call_soon(time.sleep, 0.06)
loop.call_later(0.1, loop.stop)
loop.run_forever()
loop.close()
