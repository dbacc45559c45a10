# SPDX-License-Identifier: MIT
# Y05: set wakes everyone who waits, in order, even if clear follows before they run; a wait after the clear blocks again.
import asyncio

U = 0.05

async def waiter(event, name):
    print(name, await event.wait())

async def main():
    event = asyncio.Event()
    tasks = [asyncio.create_task(waiter(event, name)) for name in 'abc']
    await asyncio.sleep(0)
    event.set()
    event.clear()
    await asyncio.gather(*tasks)
    print(event.is_set())
    try:
        await asyncio.wait_for(asyncio.create_task(waiter(event, 'd')), U)
    except asyncio.TimeoutError:
        print('blocked')

asyncio.run(main())
