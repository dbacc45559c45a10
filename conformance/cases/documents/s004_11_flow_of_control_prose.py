# SPDX-License-Identifier: MIT
# Document 004, prose "flow of control": the loop takes a task from its queue, runs it until it blocks, goes to the next one,
# later comes back where it left off.  The program is ours.
import asyncio

async def inner(n):
    print(n, 'inner before')
    await asyncio.sleep(0)
    print(n, 'inner after')

async def outer(n):
    print(n, 'outer before')
    await inner(n)
    print(n, 'outer after')

async def main():
    await asyncio.gather(outer(1), outer(2), outer(3))

asyncio.run(main())
