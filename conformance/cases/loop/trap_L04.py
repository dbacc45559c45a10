# SPDX-License-Identifier: MIT
# L04: which of several timers with equal deadlines comes first is left open by CPython, so this program sorts them. libawait's
# come in the order of the calls.
import asyncio

loop = asyncio.new_event_loop()
for count in 2, 3, 4, 6:
    out = []
    when = loop.time() + 0.05
    for i in range(count):
        loop.call_at(when, out.append, i)
    loop.call_at(when + 0.05, loop.stop)
    loop.run_forever()
    print(count, sorted(out))
loop.close()
