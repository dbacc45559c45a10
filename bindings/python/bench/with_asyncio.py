# SPDX-License-Identifier: MIT
"""The workloads written for asyncio. A variant says its name and which loop they run on, by run(); one that has an API of its own writes them anew."""
import asyncio
import time

COUNTS = {'spawn and join': 30_000, 'await to resume': 50_000, 'queue hand-over': 50_000, 'sleep(0)': 50_000, 'subprocess (/bin/true)': 60}


class WithAsyncio:
    name = None

    def run(self, coroutine):
        """asyncio.run() on the variant's loop."""
        raise NotImplementedError

    def measure(self, quick):
        """(workload, nanoseconds an operation) of each."""
        for workload, function in self.workloads().items():
            count = COUNTS[workload] // (20 if quick else 1)
            yield workload, self.run(self.timed(function, count))

    @staticmethod
    async def timed(function, count):
        await function(max(count // 10, 1))
        began = time.perf_counter_ns()
        await function(count)
        return (time.perf_counter_ns() - began) / count

    def workloads(self):
        return {'spawn and join': self.spawn, 'await to resume': self.resume, 'queue hand-over': self.queue, 'sleep(0)': self.sleep,
                'subprocess (/bin/true)': self.subprocess}

    @staticmethod
    async def spawn(count):
        async def nothing():
            pass
        create_task = asyncio.get_running_loop().create_task
        for _ in range(count):
            await create_task(nothing())

    @staticmethod
    async def resume(count):
        """A future that another callback finishes, awaited."""
        loop = asyncio.get_running_loop()
        for _ in range(count):
            future = loop.create_future()
            loop.call_soon(future.set_result, None)
            await future

    @staticmethod
    async def queue(count):
        """Two tasks, a queue of one place."""
        queue = asyncio.Queue(1)

        async def produce():
            for i in range(count):
                await queue.put(i)
        task = asyncio.ensure_future(produce())
        for _ in range(count):
            await queue.get()
        await task

    @staticmethod
    async def sleep(count):
        for _ in range(count):
            await asyncio.sleep(0)

    @staticmethod
    async def subprocess(count):
        for _ in range(count):
            process = await asyncio.create_subprocess_exec('/bin/true')
            await process.wait()
