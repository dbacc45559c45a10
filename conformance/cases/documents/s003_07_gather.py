# SPDX-License-Identifier: MIT
# Document 003, gather of three jobs.  Fixes: date and thread id replaced by "t=<s>" and a main-thread flag; random is seeded.
import asyncio
import threading
import random
import time
random.seed(20240307)
T0 = time.monotonic()

async def do_async_job() -> int:
    await asyncio.sleep(2)
    print('t=%d' % round(time.monotonic() - T0), 'main thread', threading.current_thread() is threading.main_thread())
    return random.randint(1, 10)

async def main():
    job1 = do_async_job()
    job2 = do_async_job()
    job3 = do_async_job()
    return_values = await asyncio.gather(job1, job2, job3)
    for v in return_values:
        print(f'result => {v}')


asyncio.run(main())
