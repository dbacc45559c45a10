# SPDX-License-Identifier: MIT
# needs 3.13
# T14: uncancel() lowers the count, never below 0, and returns it; at 0 a cancellation not yet delivered is withdrawn.
import asyncio


async def main():
    task = asyncio.current_task()
    print(task.uncancel(), task.cancelling())
    task.cancel()
    print(task.cancelling(), task.uncancel())
    try:
        await asyncio.sleep(0)
        print('not raised')
    except asyncio.CancelledError:
        print('raised')
    task.cancel()
    task.cancel()
    print(task.cancelling(), task.uncancel())
    try:
        await asyncio.sleep(0)
        print('not raised')
    except asyncio.CancelledError:
        print('raised')


asyncio.run(main())
