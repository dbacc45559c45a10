# SPDX-License-Identifier: MIT
# Q03: a put hands nothing over: before the woken getter runs anybody may take the item; it then waits again, at the end.
import asyncio

async def get(queue, name):
    print(name, 'got', await queue.get())

async def main():
    queue = asyncio.Queue()
    tasks = [asyncio.create_task(get(queue, name)) for name in 'ab']
    await asyncio.sleep(0)
    queue.put_nowait('1')
    print('stolen', queue.get_nowait())
    await asyncio.sleep(0)
    queue.put_nowait('2')
    queue.put_nowait('3')
    await asyncio.gather(*tasks)

asyncio.run(main())
