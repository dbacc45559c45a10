# SPDX-License-Identifier: MIT
# L10: run_until_complete that is stopped fails; the task is still pending, and the loop can be run again to finish it.
import asyncio

loop = asyncio.new_event_loop()

async def main():
    await asyncio.sleep(0.1)
    return 42

task = loop.create_task(main())
loop.call_later(0.01, loop.stop)
try:
    loop.run_until_complete(task)
except RuntimeError:
    print('stopped', task.done())
print(loop.run_until_complete(task))
loop.close()
