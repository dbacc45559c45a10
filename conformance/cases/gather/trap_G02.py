# SPDX-License-Identifier: MIT
# G02: gather of nothing is done at once; awaiting it does not suspend.
import asyncio

async def other():
    print('other')

async def main():
    task = asyncio.create_task(other())
    gathered = asyncio.gather()
    print(gathered.done(), len(await gathered))
    print('main')
    await task

asyncio.run(main())
