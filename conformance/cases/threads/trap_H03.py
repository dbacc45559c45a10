# SPDX-License-Identifier: MIT
# H03: the default executor has min(32, processors + 4) threads; what is beyond that queues, first in first out.
import asyncio
import os
import threading

gate = threading.Semaphore(0)
begun = []


async def main():
    loop = asyncio.get_running_loop()
    most = min(32, (os.cpu_count() or 1) + 4)
    full = loop.create_future()
    busy = 0

    def one_more():
        nonlocal busy
        busy += 1
        if busy == most:
            full.set_result(None)

    def work():
        loop.call_soon_threadsafe(one_more)
        gate.acquire()

    blocking = [loop.run_in_executor(None, work) for _ in range(most)]
    queued = [loop.run_in_executor(None, begun.append, name) for name in 'abc']
    await full
    await asyncio.sleep(0.05)
    print('every thread is busy, of the others begun', len(begun))
    gate.release()
    await asyncio.gather(*queued)
    print('on the first that is free', *begun)
    gate.release(most - 1)
    await asyncio.gather(*blocking)


asyncio.run(main())
