# SPDX-License-Identifier: MIT
# Document 002, prose: "asyncio.Queue is like a Go channel"; steps 5 to 7 (get a queue, push, pull).  The program is ours.
import asyncio

async def producer(q):
    for i in range(4):
        await q.put(i)
        print('put', i)
    await q.put(None)

async def consumer(q):
    while (item := await q.get()) is not None:
        print('got', item)
        await asyncio.sleep(0.1)

async def main():
    q = asyncio.Queue(maxsize=1)
    await asyncio.gather(producer(q), consumer(q))

asyncio.run(main())
