# SPDX-License-Identifier: MIT
# Document 003, coroutine / create_task / gather compared.  Fix: times printed as whole seconds.
import asyncio
import time


async def say_after(delay: int, what: str) -> None:
    await asyncio.sleep(delay)
    print(what)


async def main_coroutine() -> None:
    await say_after(1, 'hello')
    await say_after(2, 'world')


async def main_create_task() -> None:
    task1 = asyncio.create_task(
        say_after(1, 'hello'))
    task2 = asyncio.create_task(
        say_after(2, 'world'))
    await task1
    await task2


async def main_gather() -> None:
    c1 = say_after(1, 'hello')
    c2 = say_after(2, 'world')
    await asyncio.gather(c1, c2)


def time_elapsed(func: callable) -> None:
    start = time.perf_counter()
    asyncio.run(func())
    print(f"used: {time.perf_counter() - start:.0f} s")


if __name__ == '__main__':
    time_elapsed(main_coroutine)
    time_elapsed(main_create_task)
    time_elapsed(main_gather)
