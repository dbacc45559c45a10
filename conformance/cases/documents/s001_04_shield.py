# SPDX-License-Identifier: MIT
# Document 001, example 3 (shield).  Fix: the type is printed by name only.
import asyncio


async def do_async_job():
    print("do_async_job!")
    await asyncio.sleep(2)
    print("protect me from cancelling!")


async def main():
    task = asyncio.create_task(do_async_job())
    shield = asyncio.shield(task)
    print("shield's type =>", type(shield).__name__)
    try:
        await asyncio.wait_for(shield, timeout=1)
    except asyncio.TimeoutError:
        print("timeout!")
        print(f"shield canceled: {shield.cancelled()}")
        print(f"task canceled: {task.cancelled()}")
        await task


if __name__ == "__main__":
    asyncio.run(main())
