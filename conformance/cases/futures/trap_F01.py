# SPDX-License-Identifier: MIT
# F01: a future that is done takes no other result or exception, and a cancel of it changes nothing.
import asyncio

loop = asyncio.new_event_loop()
future = loop.create_future()
future.set_result(1)
for change in (lambda: future.set_result(2), lambda: future.set_exception(ValueError())):
    try:
        change()
    except asyncio.InvalidStateError:
        print('InvalidStateError')
print(future.cancel(), future.result(), future.cancelled())
loop.close()
