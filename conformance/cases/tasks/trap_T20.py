# SPDX-License-Identifier: MIT
# T20: a task that is still pending when it goes is reported. In CPython the loop does not keep a task alive, so this program
# does; in libawait the loop owns it, and it goes with the loop.
import asyncio
import gc

loop = asyncio.new_event_loop()
loop.set_exception_handler(lambda loop, context: print(context['message']))
kept = set()


async def ends():
    await asyncio.sleep(0.05)
    print('went on without a handle')
    loop.stop()


async def stays(f):
    await f


kept.add(loop.create_task(ends()))
kept.add(loop.create_task(stays(loop.create_future())))
gc.collect()
loop.run_forever()
print('close')
loop.close()
kept.clear()
gc.collect()
