# SPDX-License-Identifier: MIT
# Document 001, prose: to_thread hands a blocking task to the executor, the event loop stays in the main thread and runs on.
# The program is ours.
import asyncio, threading, time

def blocking():
    time.sleep(1)
    return threading.current_thread() is threading.main_thread()

async def main():
    ticks = []
    async def ticker():
        for i in range(4):
            await asyncio.sleep(0.2)
            ticks.append(i)
    in_main, _ = await asyncio.gather(asyncio.to_thread(blocking), ticker())
    print('blocking ran in the main thread:', in_main, 'ticks:', ticks)

t = time.monotonic()
asyncio.run(main())
print('t=%d' % round(time.monotonic() - t))
