# SPDX-License-Identifier: MIT
# L17, L18: call_soon_threadsafe wakes a loop that waits; a thousand calls all run, in order.
import asyncio
import threading
import time

loop = asyncio.new_event_loop()
got = []

def post():
    time.sleep(0.05)
    for i in range(1000):
        loop.call_soon_threadsafe(got.append, i)
    loop.call_soon_threadsafe(loop.stop)

thread = threading.Thread(target=post)
loop.call_soon(thread.start)
loop.run_forever()
thread.join()
print(len(got), got == sorted(got))
loop.close()
