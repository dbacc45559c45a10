# SPDX-License-Identifier: MIT
# X07: The error that ended the connection fails the read that waits, and every later one.
import asyncio

async def main():
    reader = asyncio.StreamReader()
    task = asyncio.create_task(reader.read(5))
    await asyncio.sleep(0)
    reader.set_exception(ConnectionResetError())
    for waiting in (task, reader.readline(), reader.read(1)):
        try:
            await waiting
        except ConnectionResetError:
            print('reset')

asyncio.run(main())
