# SPDX-License-Identifier: MIT
# Document 001, example 2 (a future as a promise).  Unchanged except this header.
import asyncio


async def set_after(future: asyncio.Future, delay: float, value: str):
    await asyncio.sleep(delay)
    future.set_result(value)


def callback(future: asyncio.Future):
    print("I am callback!")


async def main():
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    future.add_done_callback(callback)
    coro = set_after(future, 3, "... world")
    loop.create_task(coro)
    print("hello ")
    print(future.done())
    print(await future)
    print(future.done())
    print(future.result())


if __name__ == "__main__":
    asyncio.run(main())
