# SPDX-License-Identifier: MIT
# Document 002, second half (push coroutine / push task).  Fixes: func01 needs a network and a request() that is not defined,
# replaced by a sleep; get_event_loop() without a running loop replaced by new_event_loop(); a coroutine object can be run
# only once (shown); "done, pending = asyncio.run()" has no meaning and is left out; main must be "async def".
import asyncio

async def func01():
    print('func01 runs')
    resp = await asyncio.sleep(0.1, 'resp')
    print(resp)
    return resp

async def func02():
    print(999)
    await asyncio.sleep(0.2)
    return 0

result = func01()
loop = asyncio.new_event_loop()
print('until complete:', loop.run_until_complete(result))
try:
    asyncio.run(result)
except RuntimeError as e:
    print('RuntimeError:', e)
print('run:', asyncio.run(func02()))

async def main():
    task01 = asyncio.create_task(func01(), name='task01')
    task_list = []
    task_list.append(task01)
    done_set, pending = await asyncio.wait(task_list, timeout=None)
    print([t.get_name() for t in done_set], [t.result() for t in done_set], pending)

loop.run_until_complete(main())
loop.close()
