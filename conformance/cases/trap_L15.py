# SPDX-License-Identifier: MIT
# L15: an exception handler that fails itself does not end the loop.
import asyncio
import logging

logging.getLogger('asyncio').disabled = True
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
print('survived')
loop.close()
