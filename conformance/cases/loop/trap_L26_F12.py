# SPDX-License-Identifier: MIT
# L26: work given to an executor begins at once, before the loop has had a turn; cancelling its future does not stop what runs,
# and drops what is queued.
# F12: what a thread completes reaches its future through the loop, in the loop's thread.
import asyncio
import concurrent.futures
import threading

begun, go = threading.Event(), threading.Event()

def slow():
    print('begins')
    begun.set()
    go.wait()
    print('ends')

def in_main_thread():
    return threading.current_thread() is threading.main_thread()

async def main():
    loop = asyncio.get_running_loop()
    executor = concurrent.futures.ThreadPoolExecutor(1)
    first = loop.run_in_executor(executor, in_main_thread)
    first.add_done_callback(lambda future: print('callback in main thread', in_main_thread()))
    print('work in main thread', await first)
    running = loop.run_in_executor(executor, slow)
    queued = loop.run_in_executor(executor, print, 'queued')
    begun.wait()
    print('main')
    print(running.cancel(), queued.cancel())
    for future in (running, queued):
        try:
            await future
        except asyncio.CancelledError:
            print('cancelled')
    # The executor hears of it by a callback.
    await asyncio.sleep(0)
    go.set()
    executor.shutdown()
    print('shut down')

asyncio.run(main())
