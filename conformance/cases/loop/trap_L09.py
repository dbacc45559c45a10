# SPDX-License-Identifier: MIT
# L09: stop inside a callback: the rest of the batch still runs; what it schedules is kept for the next run.
import asyncio

loop = asyncio.new_event_loop()

def same_batch():
    print('same batch')
    loop.call_soon(print, 'kept')

loop.call_soon(loop.stop)
loop.call_soon(same_batch)
loop.run_forever()
print('stopped')
loop.stop()
loop.run_forever()
loop.close()
