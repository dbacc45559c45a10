# SPDX-License-Identifier: MIT
# Document 003, hello/world in one coroutine, both ways shown in the document's comments.  Fix: get_event_loop() -> new_event_loop().
import asyncio


async def coro():
    print('hello')
    await asyncio.sleep(1)
    print('world')


if __name__ == '__main__':
    loop = asyncio.new_event_loop()
    task = loop.create_task(coro())
    loop.run_until_complete(task)
    loop.close()
    asyncio.run(coro())
