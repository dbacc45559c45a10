# SPDX-License-Identifier: MIT
# L20: debug mode tells of a callback that lasts as long as the limit; otherwise nothing is told.
import asyncio
import logging
import time

class Told(logging.Handler):
    def emit(self, record):
        print('told of a slow callback:', 'took' in record.getMessage())

logging.getLogger('asyncio').addHandler(Told())
for debug in (False, True):
    print('debug', debug)
    loop = asyncio.new_event_loop()
    loop.set_debug(debug)
    loop.slow_callback_duration = 0.2
    loop.call_soon(time.sleep, 0.3)
    loop.call_soon(time.sleep, 0.001)
    loop.call_soon(loop.stop)
    loop.run_forever()
    loop.close()
