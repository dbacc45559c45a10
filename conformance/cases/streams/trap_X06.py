# SPDX-License-Identifier: MIT
# X06: Reading pauses once more than twice the limit has arrived, and continues when no more than the limit is left.
import asyncio

class Transport:
    reading = True

    def pause_reading(self):
        self.reading = False

    def resume_reading(self):
        self.reading = True

async def main():
    transport = Transport()
    reader = asyncio.StreamReader(limit=4)
    reader.set_transport(transport)
    for count in (8, 1):
        reader.feed_data(b'x' * count)
        print(transport.reading)
    for count in (4, 1):
        await reader.readexactly(count)
        print(transport.reading)

asyncio.run(main())
