# SPDX-License-Identifier: MIT
# X04: While one task reads, a second one that wants to is refused; the first gets its bytes.
import asyncio

async def main():
    reader = asyncio.StreamReader()
    task = asyncio.create_task(reader.read(1))
    await asyncio.sleep(0)
    for read in (reader.readline, reader.read, lambda: reader.readexactly(1)):
        try:
            await read()
        except RuntimeError:
            print('refused')
    reader.feed_data(b'z')
    print((await task).decode())

asyncio.run(main())
