# SPDX-License-Identifier: MIT
# Document 000, prose on wait: takes a list, runs all concurrently, stops here until they are done.  The program is ours.
import asyncio
import time
T0 = time.monotonic()
def stamp(): return 't=%d' % round(time.monotonic() - T0)

async def work(n, d):
    await asyncio.sleep(d)
    print(stamp(), n)
    return n

async def main():
    ts = [asyncio.create_task(work('a', 2)), asyncio.create_task(work('b', 1))]
    done, pending = await asyncio.wait(ts)
    print(stamp(), sorted(t.result() for t in done), pending)
    ts = [asyncio.create_task(work('c', 2)), asyncio.create_task(work('d', 1))]
    done, pending = await asyncio.wait(ts, return_when=asyncio.FIRST_COMPLETED)
    print(stamp(), sorted(t.result() for t in done), len(pending))
    done, pending = await asyncio.wait(pending, timeout=0.5)
    print(len(done), len(pending))
    await asyncio.wait(pending)
asyncio.run(main())
