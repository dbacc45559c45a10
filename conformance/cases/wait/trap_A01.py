# SPDX-License-Identifier: MIT
# A01: wait raises no TimeoutError and cancels nothing: at the limit it tells what is done and what is pending.
import asyncio

U = 0.2

async def job(name, units, error=None):
    print(name + '+')
    try:
        await asyncio.sleep(units * U)
    except asyncio.CancelledError:
        print(name + 'X')
        raise
    if error:
        raise error
    print(name + '-')
    return name
async def main():
    a, b = asyncio.create_task(job('a', 1)), asyncio.create_task(job('b', 6))
    done, pending = await asyncio.wait([a, b], timeout=3 * U)
    print(a in done, b in pending, b.cancelled())
    await b

asyncio.run(main())
