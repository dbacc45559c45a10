# SPDX-License-Identifier: MIT
# L25: the running loop is that of the thread; it is there in plain callbacks too, where no task is current.
import asyncio
import threading

def running():
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None

async def main():
    loop = asyncio.get_running_loop()
    future = loop.create_future()

    def callback():
        print('callback', running() is loop, asyncio.current_task())
        future.set_result(None)

    loop.call_soon(callback)
    await future
    thread = threading.Thread(target=lambda: print('thread', running()))
    thread.start()
    thread.join()

asyncio.run(main())
print('outside', running())
