# SPDX-License-Identifier: MIT
# P11: thirty children at once, gone as soon as they are there, are all collected: the watch is one for each child.
import asyncio

async def one(i):
    process = await asyncio.create_subprocess_shell(f'exit {i}', stdout=asyncio.subprocess.PIPE)
    await process.communicate()
    return process.returncode

async def main():
    tasks = [asyncio.create_task(one(i)) for i in range(30)]
    for task in tasks:
        print(await task)

asyncio.run(main())
