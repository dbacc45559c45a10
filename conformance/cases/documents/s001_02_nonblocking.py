# SPDX-License-Identifier: MIT
# Document 001, example 1.  Fix: random is seeded; the elapsed time is printed as whole seconds.
import asyncio
import time
import random
random.seed(20240501)


class BaseTask:
    def __init__(self, payload: str, task_id: int):
        self.payload = payload
        self.task_id = task_id

    async def run(self) -> tuple[int, int]:
        await self.step_one()
        await self.step_two()
        await self.step_three()
        return (self.payload, self.task_id)

    async def step_one(self):
        response_time = random.randint(2, 4)
        print(f"Task {self.task_id} step 1, takes {response_time}s")
        await asyncio.sleep(response_time)
        print(f"Task {self.task_id} step 1, done")
        self.payload += '1'

    async def step_two(self):
        response_time = random.randint(1, 3)
        print(f"Task {self.task_id} step 2, take {response_time}s")
        await asyncio.sleep(response_time)
        print(f"Task {self.task_id} step 2, done")
        self.payload += '2'

    async def step_three(self):
        response_time = random.randint(3, 5)
        print(f"Task {self.task_id} step 3, take {response_time}s")
        await asyncio.sleep(response_time)
        print(f"Task {self.task_id} step 3, done")
        self.payload += '3'


async def main():
    tasks = [BaseTask("payload", n).run() for n in range(3)]
    result = await asyncio.gather(*tasks)
    print(result)


if __name__ == "__main__":
    start = time.perf_counter()
    asyncio.run(main())
    end = time.perf_counter()
    print(f"TIME: {end - start:.0f}s")
