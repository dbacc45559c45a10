# SPDX-License-Identifier: MIT
# Document 000, prose: TaskGroup creates tasks and awaits them all at the end of the with block.  The program is ours.
import asyncio
import time
T0 = time.monotonic()
def stamp(): return 't=%d' % round(time.monotonic() - T0)

async def say_after(delay, what):
    await asyncio.sleep(delay)
    print(what)
    return what

async def main():
    async with asyncio.TaskGroup() as tg:
        a = tg.create_task(say_after(1, 'hello'))
        b = tg.create_task(say_after(2, 'world'))
        print(f"started at {stamp()}")
    print(f"finished at {stamp()}", a.result(), b.result())
asyncio.run(main())
