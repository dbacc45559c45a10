# SPDX-License-Identifier: MIT
# Y13: a barrier's wait gives the order of arrival; the last goes on first, then the others in order; it may be used again.
import asyncio

async def party(barrier, name):
    print(name, await barrier.wait())

async def main():
    barrier = asyncio.Barrier(3)
    for names in ('abc', 'xyz'):
        await asyncio.gather(*[asyncio.create_task(party(barrier, name)) for name in names])
        print(barrier.n_waiting, barrier.broken)

asyncio.run(main())
