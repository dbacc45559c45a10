# SPDX-License-Identifier: MIT
# L27: a cancelled timer keeps its deadline, and does not shorten the wait for the next one; cancelling one that ran disturbs
# nothing.
import asyncio

loop = asyncio.new_event_loop()
ran = loop.call_later(0, print, 'ran')
handle = loop.call_later(0.02, print, 'never')
when = handle.when()
handle.cancel()
start = loop.time()
loop.call_later(0.05, ran.cancel)
loop.call_later(0.1, loop.stop)
loop.run_forever()
print(handle.cancelled(), handle.when() == when, loop.time() - start >= 0.1)
print(ran.cancelled())
loop.close()
