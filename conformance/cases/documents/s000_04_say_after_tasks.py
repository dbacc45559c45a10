# SPDX-License-Identifier: MIT
# Document 000, say_after in two tasks.  Fixes: imports and say_after repeated (the document's block relies on the previous
# one); wall-clock times replaced by seconds since the start.
import asyncio
import time
T0 = time.monotonic()
def stamp(): return 't=%d' % round(time.monotonic() - T0)

async def say_after(delay, what):
    await asyncio.sleep(delay)
    print(what)

async def main():
    task1 = asyncio.create_task(say_after(1, 'hello'))
    task2 = asyncio.create_task(say_after(2, 'world'))

    print(f"started at {stamp()}")
    await task1
    await task2
    print(f"finished at {stamp()}")
asyncio.run(main())
