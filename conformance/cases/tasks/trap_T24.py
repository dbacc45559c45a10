# SPDX-License-Identifier: MIT
# T24: run_coroutine_threadsafe(): the future of the other thread gets result, exception or cancellation; cancelling it cancels
# the task in the loop.
import asyncio
import threading

loop = asyncio.new_event_loop()
thread = threading.Thread(target=loop.run_forever)
thread.start()
started, ended = threading.Event(), threading.Event()


async def gives():
    return 'value'


async def fails():
    raise TimeoutError('v')


async def waits():
    started.set()
    try:
        await loop.create_future()
    except asyncio.CancelledError:
        print('the task is cancelled')
        ended.set()
        raise


print(asyncio.run_coroutine_threadsafe(gives(), loop).result(9))
try:
    asyncio.run_coroutine_threadsafe(fails(), loop).result(9)
except TimeoutError as error:
    print('TimeoutError', error)
future = asyncio.run_coroutine_threadsafe(waits(), loop)
started.wait()
print(future.done())
cancelled = future.cancel()
ended.wait()
print(cancelled, future.cancelled())
loop.call_soon_threadsafe(loop.stop)
thread.join()
loop.close()
