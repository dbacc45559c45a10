# SPDX-License-Identifier: MIT
# H02: cancelling a task in to_thread() frees the task at once; the thread goes on, and run() waits for it at the end.
import asyncio
import threading
import time

go = threading.Event()


def work(loop, started):
    loop.call_soon_threadsafe(started.set_result, None)
    go.wait()
    time.sleep(0.1)
    print('the thread ends')


async def main():
    loop = asyncio.get_running_loop()
    started = loop.create_future()
    task = asyncio.create_task(asyncio.to_thread(work, loop, started))
    await started
    task.cancel()
    await asyncio.wait([task])
    print('cancelled', task.cancelled())
    go.set()


asyncio.run(main())
print('run ends')
