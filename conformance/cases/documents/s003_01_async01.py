# SPDX-License-Identifier: MIT
# Document 003, async01.py.  Unchanged except this header.
import asyncio


async def myfunc():
    await asyncio.sleep(1)
    print('hello')


if __name__ == '__main__':
    asyncio.run(myfunc())
