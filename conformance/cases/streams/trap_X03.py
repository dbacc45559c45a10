# SPDX-License-Identifier: MIT
# X03: A read returns what is there; of nothing it returns at once; without a length it waits for the end.
import asyncio

async def main():
    reader = asyncio.StreamReader()
    reader.feed_data(b'abc')
    print((await reader.read(10)).decode(), len(await reader.read(0)), len(await reader.readexactly(0)))
    task = asyncio.create_task(reader.read())
    await asyncio.sleep(0)
    reader.feed_data(b'x')
    await asyncio.sleep(0.2)
    print(task.done())
    reader.feed_eof()
    print((await task).decode())

asyncio.run(main())
