# SPDX-License-Identifier: MIT
# F05: a done-callback that fails is told to the exception handler, and neither stops the next one nor changes the future.
import asyncio

loop = asyncio.new_event_loop()
loop.set_exception_handler(lambda loop, context: print('told', 'exception' in context))
future = loop.create_future()

def fail(future):
    raise ValueError

future.add_done_callback(fail)
future.add_done_callback(lambda future: print('second'))
future.set_result(5)
loop.call_soon(loop.stop)
loop.run_forever()
print(future.result())
loop.close()
