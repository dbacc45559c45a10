# SPDX-License-Identifier: MIT
# F09: cancelling a task that waits for a plain future cancels that future, and so every other one who waits for it.
import asyncio

async def waiter(name, future):
    try:
        await future
    except asyncio.CancelledError:
        print(name, 'cancelled')
        raise

async def main():
    future = asyncio.get_running_loop().create_future()
    a, b = [asyncio.create_task(waiter(name, future)) for name in 'ab']
    await asyncio.sleep(0)
    a.cancel()
    print(future.cancelled())
    await asyncio.wait([a, b])
    print(b.cancelled(), a.cancelling(), b.cancelling())

asyncio.run(main())
