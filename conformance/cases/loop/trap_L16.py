# SPDX-License-Identifier: MIT
# L16: cancelling a handle from an earlier callback of the batch prevents it; cancelling one that ran changes nothing but its
# answer.
import asyncio

loop = asyncio.new_event_loop()
loop.call_soon(lambda: x.cancel())
x = loop.call_soon(print, 'x')
y = loop.call_soon(print, 'y')
loop.call_soon(loop.stop)
loop.run_forever()
print(x.cancelled(), y.cancelled())
y.cancel()
y.cancel()
print(x.cancelled(), y.cancelled())
loop.close()
