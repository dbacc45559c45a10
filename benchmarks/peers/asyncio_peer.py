# SPDX-License-Identifier: MIT
"""The work of the C programs on asyncio or uvloop. Prints samples as bench.c does with --raw.

usage: asyncio_peer.py asyncio|uvloop [--quick] [--rounds N]
"""
import argparse
import asyncio
import concurrent.futures
import gc
import random
import sys
import threading
import time

NOT_INSTALLED = 77
BATCH, TIMERS, SPREAD = 1000, 10000, 0.02
random.seed(1)
DELAYS = [random.uniform(0.001, 0.001 + SPREAD) for _ in range(TIMERS)]
paused = 0


def nothing():
    pass


async def callbacks(count):
    loop = asyncio.get_running_loop()
    for _ in range(count // BATCH):
        for _ in range(BATCH):
            loop.call_soon(nothing)
        await asyncio.sleep(0)


async def chain(count):
    loop, done = asyncio.get_running_loop(), asyncio.Event()

    def again(left):
        if left:
            loop.call_soon(again, left - 1)
        else:
            done.set()
    again(count)
    await done.wait()


async def do_nothing():
    pass


async def one_by_one(count):
    for _ in range(count):
        await asyncio.create_task(do_nothing())


async def at_once(count):
    for _ in range(count // BATCH):
        for task in [asyncio.create_task(do_nothing()) for _ in range(BATCH)]:
            await task


async def give_turns(count):
    for _ in range(count):
        await asyncio.sleep(0)


async def turns(count):
    await asyncio.gather(give_turns(count // 2), give_turns(count // 2))


def queue_of(size):
    async def run(count):
        queue = asyncio.Queue(size)

        async def put_all():
            for item in range(count):
                await queue.put(item)

        async def get_all():
            for _ in range(count):
                await queue.get()
        await asyncio.gather(put_all(), get_all())
    return run


class Pause:
    """Its time is not counted."""

    def __enter__(self):
        self.began = time.perf_counter_ns()

    def __exit__(self, *_):
        global paused
        paused += time.perf_counter_ns() - self.began


async def timers_fire(count):
    loop, done, left = asyncio.get_running_loop(), asyncio.Event(), count

    def fired():
        nonlocal left
        left -= 1
        if not left:
            done.set()
    for delay in DELAYS[:count]:
        loop.call_later(delay, fired)
    with Pause():
        time.sleep(SPREAD + 0.004)
    await done.wait()


async def timers_cancel(count):
    loop = asyncio.get_running_loop()
    with Pause():
        waiting = [loop.call_later(100 + delay * 1e6, nothing) for delay in DELAYS]
    for i in range(count):
        loop.call_later(100 + DELAYS[i % TIMERS] * 1e6, nothing).cancel()
        if i % 100 == 99:
            await asyncio.sleep(0)
    with Pause():
        for handle in waiting:
            handle.cancel()
        await asyncio.sleep(0)


async def jobs_one_by_one(count):
    loop = asyncio.get_running_loop()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        for _ in range(count):
            await loop.run_in_executor(pool, nothing)


async def jobs_at_once(count):
    loop = asyncio.get_running_loop()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        for _ in range(count // BATCH):
            for job in [loop.run_in_executor(pool, nothing) for _ in range(BATCH)]:
                await job


async def ping_pong(count):
    """Two loops in two threads that wake each other in turn."""
    mine, left, theirs = asyncio.get_running_loop(), count, None
    started, done = threading.Event(), asyncio.Event()

    def other():
        nonlocal theirs
        theirs = asyncio.new_event_loop()
        theirs.call_soon(started.set)
        theirs.run_forever()
        theirs.close()

    def woken(here):
        nonlocal left
        last = left == 0
        if not last:
            left -= 1
            last = left == 0
            there = theirs if here is mine else mine
            there.call_soon_threadsafe(woken, there)
        if last:
            if here is mine:
                done.set()
            else:
                theirs.stop()
    with Pause():
        thread = threading.Thread(target=other)
        thread.start()
        started.wait()
    mine.call_soon(woken, mine)
    await done.wait()
    with Pause():
        thread.join()


INPUT = bytes(i * 31 & 255 for i in range(1 << 20))


async def communicate(count):
    """All of the input through a child."""
    for _ in range(count):
        cat = await asyncio.create_subprocess_exec("/bin/cat", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
        output, _ = await cat.communicate(INPUT)
        if output != INPUT or cat.returncode:
            sys.exit("cat")


def resident():
    with open("/proc/self/status", encoding="ascii") as file:
        return sum(int(line.split()[1]) * 1024 for line in file if line.startswith(("VmRSS:", "VmPTE:")))


async def memory(count):
    """What each of many sleeping tasks adds."""
    gc.collect()
    before = resident()
    tasks = [asyncio.create_task(asyncio.sleep(3600)) for _ in range(count)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    grown = (resident() - before) / count
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    return grown


WORKS = [("a callback, 1,000 in one iteration", callbacks, 50000), ("a callback, one in each iteration", chain, 20000),
         ("a task spawned and joined, one by one", one_by_one, 10000), ("a task spawned and joined, 1,000 at once", at_once, 10000),
         ("a task's turn given away", turns, 20000),
         ("an item through a queue of 1", queue_of(1), 10000), ("an item through a queue of 1,000", queue_of(1000), 20000),
         ("a timer set and fired, 10,000 at once", timers_fire, TIMERS), ("a timer set and cancelled, 10,000 waiting", timers_cancel, 20000),
         ("a job in a thread, one by one", jobs_one_by_one, 2000), ("a job in a thread, 1,000 at once", jobs_at_once, 10000),
         ("a loop woken by another thread's", ping_pong, 2000), ("1 MiB through cat", communicate, 20)]


def measured(run, count):
    global paused

    async def timed():
        global paused
        paused = 0
        began = time.perf_counter_ns()
        await run(count)
        return time.perf_counter_ns() - began - paused
    return asyncio.run(timed()) / count


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("which", choices=["asyncio", "uvloop"])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    name = f"asyncio, Python {sys.version_info.major}.{sys.version_info.minor}"
    if options.which == "uvloop":
        try:
            import uvloop
        except ImportError:
            return NOT_INSTALLED
        uvloop.install()
        name = f"uvloop {uvloop.__version__}"
    for work, run, count in WORKS:
        count = count // 10 if options.quick and count != TIMERS else count
        for number in range(options.rounds + 1):
            value = measured(run, count)
            if number:  # the first is a warm-up
                print(work, name, f"{value:.3f}", sep="\t", flush=True)
    print("memory of a sleeping task, bytes", name, f"{asyncio.run(memory(10000)):.3f}", sep="\t")
    return 0


if __name__ == "__main__":
    sys.exit(main())
