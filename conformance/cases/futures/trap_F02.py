# SPDX-License-Identifier: MIT
# F02: result and exception of a pending future are errors; of a cancelled one they raise the cancellation.
import asyncio

loop = asyncio.new_event_loop()
future = loop.create_future()
for _ in range(2):
    for ask in (future.result, future.exception):
        try:
            ask()
        except asyncio.InvalidStateError:
            print('InvalidStateError')
        except asyncio.CancelledError:
            print('CancelledError')
    future.cancel()
loop.close()
