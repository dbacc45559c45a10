# SPDX-License-Identifier: MIT
# T21: SystemExit raised in a task is stored in the task and leaves run_forever() at once; the rest of the batch stays queued.
import asyncio

loop = asyncio.new_event_loop()


async def c():
    raise SystemExit(4)


task = loop.create_task(c())
loop.call_soon(print, 'the rest')
try:
    loop.run_forever()
except SystemExit:
    print('out of the loop')
print(type(task.exception()).__name__)
loop.call_soon(loop.stop)
loop.run_forever()
loop.close()
