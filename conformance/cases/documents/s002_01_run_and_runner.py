# SPDX-License-Identifier: MIT
# Document 002, first fragment.  Fixes: imports (Union, reduce); "lambda x, y: return x + y" is no syntax;
# main() created coroutines and dropped them, now they are awaited; "async with asyncio.Runner()" is wrong, Runner is a
# plain context manager; the same coroutine cannot be run twice.
import asyncio
from functools import reduce
from typing import Union


async def sum(*numbs) -> Union[int, float]:
    return reduce(lambda x, y: x + y, numbs)


async def main():
    async_task_01 = sum(255, 257)
    async_task_02 = sum(3.14, 257)
    return await async_task_01, await async_task_02


result = asyncio.run(main())
print(result)
with asyncio.Runner() as runner:
    result = runner.run(main())
    print(result)
