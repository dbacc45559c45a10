# SPDX-License-Identifier: MIT
# Y04: what is free does not suspend: a lock, a permit, an event that is set, a queue that has an item.
import asyncio

async def main():
    asyncio.get_running_loop().call_soon(print, 'tick')
    lock, semaphore, event, queue = asyncio.Lock(), asyncio.Semaphore(), asyncio.Event(), asyncio.Queue()
    await lock.acquire()
    lock.release()
    print('lock')
    await semaphore.acquire()
    print('semaphore')
    event.set()
    await event.wait()
    print('event')
    await queue.put(1)
    print('queue', await queue.get())
    await asyncio.sleep(0)

asyncio.run(main())
