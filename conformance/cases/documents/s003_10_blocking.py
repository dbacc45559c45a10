# SPDX-License-Identifier: MIT
# Document 003, blocking work in coroutines blocks everything (about 10 s).  Fix: thread id replaced by a flag, times added.
import asyncio
import threading
import time

from time import sleep
T0 = time.monotonic()

def hard_work():
    print('t=%d main thread: %s' % (round(time.monotonic() - T0), threading.current_thread() is threading.main_thread()))
    sleep(3)


async def do_async_job():
    hard_work()
    await asyncio.sleep(1)
    print('job done! t=%d' % round(time.monotonic() - T0))


async def main():
    task1 = asyncio.create_task(do_async_job())
    task2 = asyncio.create_task(do_async_job())
    task3 = asyncio.create_task(do_async_job())
    await asyncio.gather(task1, task2, task3)


if __name__ == '__main__':
    asyncio.run(main())
