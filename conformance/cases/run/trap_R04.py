# SPDX-License-Identifier: MIT
# R04: run inside a running loop is refused.
import asyncio

async def nothing():
    print('never')

async def main():
    coroutine = nothing()
    try:
        asyncio.run(coroutine)
    except RuntimeError:
        print('refused')
    coroutine.close()

asyncio.run(main())
