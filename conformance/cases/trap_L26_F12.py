# SPDX-License-Identifier: MIT
# L26, F12: work given to an executor begins at once, and its value comes back to the loop; cancelling its future does not stop what
# runs, and drops what is queued.
import asyncio
import concurrent.futures
import time

def slow():
    print('begins')
    time.sleep(0.2)
    print('ends')

async def main():
    loop = asyncio.get_running_loop()
    executor = concurrent.futures.ThreadPoolExecutor(1)
    print(await loop.run_in_executor(executor, str, 'value'))
    running = loop.run_in_executor(executor, slow)
    queued = loop.run_in_executor(executor, print, 'queued')
    await asyncio.sleep(0.1)
    print(running.cancel(), queued.cancel())
    for future in (running, queued):
        try:
            await future
        except asyncio.CancelledError:
            print('cancelled')
    await asyncio.sleep(0.2)
    executor.shutdown()
    print('shut down')

asyncio.run(main())
