# SPDX-License-Identifier: MIT
# F10: awaiting a future of another loop is an error, inside the coroutine.
import asyncio

other = asyncio.new_event_loop()
future = other.create_future()

async def main():
    try:
        await future
    except RuntimeError:
        print('another loop')

asyncio.run(main())
other.close()
