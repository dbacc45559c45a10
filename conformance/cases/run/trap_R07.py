# SPDX-License-Identifier: MIT
# R07: if main fails, what is left is still cancelled and awaited first.
import asyncio

async def left():
    try:
        await asyncio.sleep(9)
    except asyncio.CancelledError:
        await asyncio.sleep(0.1)
        print('cleaned')
        raise

async def main():
    main.task = asyncio.create_task(left())
    await asyncio.sleep(0)
    raise ValueError('main')

try:
    asyncio.run(main())
except ValueError as e:
    print('failed:', e)
