# SPDX-License-Identifier: MIT
# L14: a callback that fails is told to the exception handler, and the batch goes on; one that exits leaves the run at once,
# with the rest of the batch still queued.
import asyncio

loop = asyncio.new_event_loop()

def fail():
    raise ValueError('no luck')

def bye():
    raise SystemExit(3)

def handler(loop, context):
    print(context['message'][:21], context['exception'], 'handle' in context)

loop.set_exception_handler(handler)
loop.call_soon(fail)
loop.call_soon(print, 'next')
loop.call_soon(loop.stop)
loop.run_forever()
loop.call_soon(bye)
loop.call_soon(print, 'after the exit')
try:
    loop.run_forever()
except SystemExit:
    print('exit')
loop.stop()
loop.run_forever()
loop.close()
