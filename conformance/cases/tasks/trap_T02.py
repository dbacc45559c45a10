# SPDX-License-Identifier: MIT
# needs 3.12
# T02: the iterations from set_result() on the innermost future to the resume of what awaits the outer object. They decide how
# tasks interleave. From 3.12 on wait_for needs no task of its own.
import asyncio


async def aw(f):
    return await f


async def future(f):
    await f


async def task(f):
    await asyncio.create_task(aw(f))


async def gather_future(f):
    await asyncio.gather(f)


async def gather_task(f):
    await asyncio.gather(aw(f))


async def shield(f):
    await asyncio.shield(f)


async def wait(f):
    await asyncio.wait([asyncio.create_task(aw(f))])


async def wait_for_future(f):
    await asyncio.wait_for(f, 5)


async def wait_for_task(f):
    await asyncio.wait_for(asyncio.create_task(aw(f)), 5)


async def timeout(f):
    async with asyncio.timeout(5):
        await aw(f)


async def hops(awaiter):
    loop = asyncio.get_running_loop()
    f = loop.create_future()
    n, on = 0, False

    def count():
        nonlocal n
        n += 1
        if on:
            loop.call_soon(count)

    def fire():
        nonlocal n, on
        f.set_result(None)
        n, on = 0, True
        loop.call_soon(count)

    async def waiter():
        await awaiter(f)
        print(awaiter.__name__, n + 1)

    waiting = asyncio.create_task(waiter())
    for _ in range(6):
        await asyncio.sleep(0)
    loop.call_soon(fire)
    await waiting
    on = False


async def main():
    for awaiter in (future, task, gather_future, gather_task, shield, wait, wait_for_future, wait_for_task, timeout):
        await hops(awaiter)


asyncio.run(main())
