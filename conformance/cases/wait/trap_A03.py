# SPDX-License-Identifier: MIT
# A03: wait refuses an empty list, and a condition that it does not know.
import asyncio

async def main():
    future = asyncio.get_running_loop().create_future()
    for futures, when in (([], asyncio.ALL_COMPLETED), ([future], 'whenever')):
        try:
            await asyncio.wait(futures, return_when=when)
        except ValueError:
            print('refused')

asyncio.run(main())
