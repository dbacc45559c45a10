# SPDX-License-Identifier: MIT
# L15: an exception handler that fails itself does not end the loop; the default one is told.
import asyncio
import logging

told = []

class Told(logging.Handler):
    def emit(self, record):
        told.append('Unhandled error in exception handler' in record.getMessage())

logging.getLogger('asyncio').addHandler(Told())
logging.getLogger('asyncio').propagate = False
loop = asyncio.new_event_loop()

def fail():
    raise ValueError

def handler(loop, context):
    print('handler')
    raise ValueError

loop.set_exception_handler(handler)
loop.call_soon(fail)
loop.call_soon(print, 'next')
loop.call_soon(loop.stop)
loop.run_forever()
print('survived', told)
loop.close()
