# SPDX-License-Identifier: MIT
# Y14: abort breaks a barrier for those who wait and those who come, until a reset; reset breaks only those who wait.
import asyncio

async def party(barrier):
    try:
        print(await barrier.wait())
    except asyncio.BrokenBarrierError:
        print('broken')

async def main():
    barrier = asyncio.Barrier(2)
    task = asyncio.create_task(party(barrier))
    await asyncio.sleep(0)
    await barrier.abort()
    await task
    await party(barrier)
    print(barrier.broken)
    await barrier.reset()
    print(barrier.broken)
    task = asyncio.create_task(party(barrier))
    await asyncio.sleep(0)
    print('waiting', barrier.n_waiting)
    await barrier.reset()
    await task
    print(barrier.broken)
    await asyncio.gather(*[asyncio.create_task(party(barrier)) for _ in range(2)])

asyncio.run(main())
