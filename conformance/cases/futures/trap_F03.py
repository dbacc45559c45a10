# SPDX-License-Identifier: MIT
# F03: done-callbacks never run inside the call that ends the future; they are queued, in order of their registration, also one
# that is added to a future that is done.
import asyncio

loop = asyncio.new_event_loop()
future = loop.create_future()
future.add_done_callback(lambda f: print('a', f is future))
future.add_done_callback(lambda f: print('b'))
future.set_result(None)
print('set')
future.add_done_callback(lambda f: print('late'))
print('added')
loop.call_soon(loop.stop)
loop.run_forever()
loop.close()
