# SPDX-License-Identifier: MIT
# X01: A line that does not end within the limit is told, and readuntil keeps what has arrived.
import asyncio

async def main():
    reader = asyncio.StreamReader(limit=3)
    reader.feed_data(b'abcdef\nok\n')
    for _ in range(2):
        try:
            await reader.readuntil(b'\n')
        except asyncio.LimitOverrunError:
            print('limit')
    print((await reader.readexactly(7)).decode().strip())
    print((await reader.readline()).decode().strip())

    reader = asyncio.StreamReader(limit=3)
    reader.feed_data(b'abcdefgh')
    try:
        await reader.readuntil(b'\n')
    except asyncio.LimitOverrunError:
        print('limit')
    print((await reader.read(20)).decode())

    # The separator does not count.
    reader = asyncio.StreamReader(limit=3)
    reader.feed_data(b'abc\nabcd\n')
    print((await reader.readline()).decode().strip())
    try:
        await reader.readline()
    except ValueError:
        print('limit')

asyncio.run(main())
