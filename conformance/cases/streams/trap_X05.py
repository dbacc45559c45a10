# SPDX-License-Identifier: MIT
# X05: A read that is cancelled loses nothing, neither what had arrived nor what arrives later.
import asyncio

async def main():
    reader = asyncio.StreamReader()
    task = asyncio.create_task(reader.readexactly(4))
    await asyncio.sleep(0)
    reader.feed_data(b'ab')
    task.cancel()
    await asyncio.wait([task])
    reader.feed_data(b'cd')
    print(task.cancelled(), (await reader.readexactly(4)).decode())

asyncio.run(main())
