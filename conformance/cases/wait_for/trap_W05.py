# SPDX-License-Identifier: MIT
# needs 3.12
# W05: no limit waits for ever; with one, a coroutine still runs in the task of the caller (since 3.12).
import asyncio

async def name():
    await asyncio.sleep(0)
    return asyncio.current_task().get_name()

async def main():
    asyncio.current_task().set_name('main')
    print(await asyncio.wait_for(name(), None), await asyncio.wait_for(name(), 1))

asyncio.run(main())
