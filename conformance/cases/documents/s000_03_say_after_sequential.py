# SPDX-License-Identifier: MIT
# Document 000, say_after awaited twice.  Fix: wall-clock times replaced by whole seconds since the start.
import asyncio
import time
T0 = time.monotonic()
def stamp(): return 't=%d' % round(time.monotonic() - T0)

async def say_after(delay, what):
    await asyncio.sleep(delay)
    print(what)

async def main():
    print(f"started at {stamp()}")
    await say_after(1, 'hello')
    await say_after(2, 'world')
    print(f"finished at {stamp()}")

asyncio.run(main())
