# SPDX-License-Identifier: MIT
# F04: a callback added twice runs twice; removing takes out every copy and tells how many; from a future that is done it takes
# none.
import asyncio

loop = asyncio.new_event_loop()
future = loop.create_future()

def callback(future):
    print('callback')

future.add_done_callback(callback)
future.add_done_callback(callback)
print('removed', future.remove_done_callback(callback))
future.add_done_callback(callback)
future.add_done_callback(callback)
future.set_result(None)
print('removed', future.remove_done_callback(callback))
loop.call_soon(loop.stop)
loop.run_forever()
loop.close()
