# SPDX-License-Identifier: MIT
# Document 003, prose: run_coroutine_threadsafe returns a (concurrent) future.  The program is ours.
import asyncio, threading

async def co(n):
    await asyncio.sleep(0.2)
    return n + 1

loop = asyncio.new_event_loop()
th = threading.Thread(target=loop.run_forever)
th.start()
fut = asyncio.run_coroutine_threadsafe(co(41), loop)
print(type(fut).__module__.split('.')[0], fut.result(timeout=2))
loop.call_soon_threadsafe(loop.stop)
th.join()
loop.close()
