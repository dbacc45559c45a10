# SPDX-License-Identifier: MIT
# S03: the shield of a future that is done is that future.
import asyncio

async def main():
    future = asyncio.get_running_loop().create_future()
    print(asyncio.shield(future) is future)
    future.set_result(None)
    print(asyncio.shield(future) is future)

asyncio.run(main())
