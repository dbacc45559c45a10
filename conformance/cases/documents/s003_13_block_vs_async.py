# SPDX-License-Identifier: MIT
# Document 003, block_main / async_main.  Fixes: the "//" comment is no Python; times printed as whole seconds; the document says
# "python 3.11" but hands a generator to wait(), which 3.11 refuses (TypeError; 3.12+ accepts it), so a list is built in a
# coroutine.
import asyncio
import time


def block_dosomething(i):
    print(f"第 {i} 次開始")
    time.sleep(1)
    print(f"第 {i} 次結束")


def block_main():
    start = time.time()
    for i in range(5):
        block_dosomething(i + 1)
    print(f"block time: {(time.time() - start):.0f} (s)")


async def dosomething(i):
    print(f"第 {i} 次開始")
    await asyncio.sleep(1)
    print(f"第 {i} 次結束")


def async_main():
    start = time.time()

    async def waiter():
        tasks = [asyncio.create_task(dosomething(i + 1)) for i in range(5)]
        await asyncio.wait(tasks)

    asyncio.run(waiter())
    print(f"async time: {(time.time() - start):.0f} (s)")


if __name__ == "__main__":
    block_main()
    async_main()
