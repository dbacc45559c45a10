# SPDX-License-Identifier: MIT
# L20: debug mode tells of a callback, and of a task's step, that lasts as long as the limit; otherwise nothing is told.
import asyncio
import logging
import time

class Told(logging.Handler):
    def emit(self, record):
        print('told of a slow step:', 'task' if '<Task' in record.getMessage() else 'callback', 'took' in record.getMessage())

logging.getLogger('asyncio').addHandler(Told())
async def task():
    time.sleep(0.3)

for debug in (False, True):
    print('debug', debug)
    loop = asyncio.new_event_loop()
    loop.set_debug(debug)
    loop.slow_callback_duration = 0.2
    loop.call_soon(time.sleep, 0.3)
    loop.call_soon(time.sleep, 0.001)
    loop.run_until_complete(task())
    loop.close()
