# SPDX-License-Identifier: MIT
# L11: run_until_complete drives the whole loop, and returns as soon as its own future is done; the others stay pending.
import asyncio

loop = asyncio.new_event_loop()
gate = loop.create_future()

async def other():
    print('other 1')
    await gate
    print('other 2')

async def main():
    await asyncio.sleep(0.05)
    print('main')

task = loop.create_task(other())
loop.run_until_complete(main())
print(task.done())
gate.set_result(None)
loop.run_until_complete(task)
loop.close()
