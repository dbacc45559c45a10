# SPDX-License-Identifier: MIT
# Document 003, "run is equivalent to get_event_loop + run_until_complete + close", and the prose after it: run cancels the
# tasks nobody awaited and waits for their cleanup.  Fixes: new_event_loop(); main supplied.
import asyncio

async def left(n):
    try:
        await asyncio.sleep(3600)
    except asyncio.CancelledError:
        print(n, 'CancelledError')
        await asyncio.sleep(0.2)
        print(n, 'cleaned up')
        raise

async def main(n):
    global task
    task = asyncio.create_task(left(n))
    await asyncio.sleep(0.1)
    print('main ends', sorted(type(t).__name__ for t in asyncio.all_tasks()))
    return n

print(asyncio.run(main('run')), task.cancelled())

loop = asyncio.new_event_loop()
print(loop.run_until_complete(main('plain')), 'done:', task.done())
task.cancel()
loop.run_until_complete(asyncio.gather(task, return_exceptions=True))
loop.close()
print(task.cancelled())
