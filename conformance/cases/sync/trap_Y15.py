# SPDX-License-Identifier: MIT
# Y15: a waiter that is cancelled leaves a barrier, and does not break it.
import asyncio

async def main():
    barrier = asyncio.Barrier(2)
    task = asyncio.create_task(barrier.wait())
    await asyncio.sleep(0)
    print(barrier.n_waiting)
    task.cancel()
    await asyncio.wait([task])
    print(task.cancelled(), barrier.n_waiting, barrier.broken)

asyncio.run(main())
