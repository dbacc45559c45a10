# SPDX-License-Identifier: MIT
# Document 002, as_completed fragment.  Fixes: "async def"; awaitables supplied as tasks (bare coroutines start in set order).
import asyncio

async def work(n, d):
    await asyncio.sleep(d)
    return n

async def run_aws(aws: list, timeout=None):
    fut_list = asyncio.as_completed(aws, timeout=timeout)
    for fut in fut_list:
        try:
            result = await fut
            print(result)
        except asyncio.TimeoutError:
            print('TimeoutError')

def tasks():
    return [asyncio.create_task(work(n, d)) for n, d in (('slow', 0.6), ('fast', 0.2), ('middle', 0.4))]

async def main():
    await run_aws(tasks())
    ts = tasks()
    await run_aws(ts, timeout=0.3)
    print([t.done() for t in ts])

asyncio.run(main())
