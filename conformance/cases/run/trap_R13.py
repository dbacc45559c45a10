# SPDX-License-Identifier: MIT
# R13: a signal that arrives while the loop waits wakes it at once.
import asyncio
import os
import signal
import threading
import time

async def main():
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    loop.add_signal_handler(signal.SIGUSR1, lambda: future.set_result('woken'))

    def interrupt():
        time.sleep(0.1)
        os.kill(os.getpid(), signal.SIGUSR1)

    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        print(await asyncio.wait_for(future, 5))
    except asyncio.TimeoutError:
        print('not woken')
    thread.join()
    loop.remove_signal_handler(signal.SIGUSR1)

asyncio.run(main())
