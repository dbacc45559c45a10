# SPDX-License-Identifier: MIT
# Document 000, prose on gather: result order, return_exceptions both ways.  The program is ours.  NOTE the document says that on an
# exception "the remaining tasks will not run"; CPython does let them run, as this shows.
import asyncio
import time
T0 = time.monotonic()
def stamp(): return 't=%d' % round(time.monotonic() - T0)

async def work(n, d, fail=False):
    print(stamp(), n, 'start')
    await asyncio.sleep(d)
    if fail:
        print(stamp(), n, 'raise')
        raise ValueError(n)
    print(stamp(), n, 'end')
    return n

async def main():
    print(await asyncio.gather(work('a', 2), work('b', 1)))
    try:
        await asyncio.gather(work('c', 1, True), work('d', 2))
    except ValueError as e:
        print(stamp(), 'caught', e)
    await asyncio.sleep(2)
    print(await asyncio.gather(work('e', 1, True), work('f', 2), return_exceptions=True))
asyncio.run(main())
