#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the programs of generate.py on CPython's asyncio, and prints a trace of each: events in order, with virtual time.

CPython 3.13 or later: libawait follows its rules. One unit of time is a second of a virtual clock, which jumps from timer to timer.
"""
import asyncio
import sys
from asyncio import base_events, events

WATCH = 1000   # ticks after which hanging tasks are cancelled
ROUNDS = 20    # how many times
MAX_TASKS = 40


class UserError(Exception):
    pass


class Jump:
    """The selector of a loop without I/O: advances the clock instead of blocking."""

    def __init__(self):
        self.now = 0.0

    def select(self, timeout):
        assert timeout is not None, "nothing to wait for"
        self.now += timeout
        return []


class VirtualLoop(base_events.BaseEventLoop):
    def __init__(self):
        super().__init__()
        self._selector = Jump()
        self._clock_resolution = 1e-9

    def time(self):
        return self._selector.now

    def _process_events(self, event_list):
        pass

    def _write_to_self(self):
        pass

    def call_exception_handler(self, context):
        pass  # reports of unretrieved errors depend on when objects are freed


class InOrder(dict):
    """An ordered set for the tasks of a task group: CPython does not specify in which order it cancels them."""

    def add(self, item):
        self[item] = True

    def discard(self, item):
        self.pop(item, None)


class Node:
    def __init__(self, words):
        self.id, self.mode, self.op = int(words[0]), words[1], words[2]
        self.args = words[3:]
        self.blocks = []


def parse(text):
    """Parses the programs: (seed, objects, bodies) for each."""
    open_blocks = []
    for line in text.splitlines():
        words = line.split()
        if words[0] == "program":
            seed, objects, bodies = int(words[1]), [], {}
        elif words[0] == "end":
            yield seed, objects, bodies
        elif words[0] == "body":
            bodies[int(words[1])] = block = []
            open_blocks = [(None, block)]
        elif words[0] == "}":
            node, _ = open_blocks.pop()
            if len(words) > 1:
                node.blocks.append([])
                open_blocks.append((node, node.blocks[-1]))
        elif not open_blocks:
            objects.append(words)
        else:
            opens = words[-1] == "{"
            node = Node(words[:-1] if opens else words)
            open_blocks[-1][1].append(node)
            if opens:
                node.blocks.append([])
                open_blocks.append((node, node.blocks[0]))


def name_of(error):
    """The name of an exception in both traces."""
    if isinstance(error, asyncio.CancelledError):
        return "cancelled"
    if isinstance(error, UserError):
        return f"E{error.args[0]}"
    if isinstance(error, BaseExceptionGroup):
        return "group(" + ",".join(name_of(e) for e in error.exceptions) + ")"
    for kind, name in ((asyncio.BrokenBarrierError, "broken"), (TimeoutError, "timeout"), (asyncio.InvalidStateError, "state"),
                       (asyncio.QueueFull, "full"), (asyncio.QueueEmpty, "empty"), (asyncio.QueueShutDown, "shutdown"),
                       (RuntimeError, "state"), (ValueError, "inval")):
        if isinstance(error, kind):
            return name
    return repr(error)


def value_text(value):
    if isinstance(value, list):
        return "[" + ",".join(value_text(v) for v in value) + "]"
    return name_of(value) if isinstance(value, BaseException) else f"={value or 0}"


def outcome(future):
    if not future.done():
        return "pending"
    if future.cancelled():
        return "cancelled"
    error = future.exception()
    return name_of(error) if error else value_text(future.result())


class Program:
    def __init__(self, objects, bodies):
        self.bodies, self.objects = bodies, objects
        self.trace, self.slots, self.groups, self.timeouts, self.tasks = [], {}, {}, {}, []
        self.used, self.started, self.items, self.rounds = set(), 0, 0, 0

    def make_objects(self):
        self.made = {}
        for kind, number, *args in self.objects:
            if kind == "lock":
                made = asyncio.Lock()
            elif kind == "event":
                made = asyncio.Event()
            elif kind == "semaphore":
                made = (asyncio.BoundedSemaphore if args[0] == "bounded" else asyncio.Semaphore)(int(args[1]))
            elif kind == "condition":
                made = asyncio.Condition()
            elif kind == "queue":
                kinds = {"fifo": asyncio.Queue, "lifo": asyncio.LifoQueue, "priority": asyncio.PriorityQueue}
                made = kinds[args[0]](int(args[1]))
            else:
                made = asyncio.Barrier(int(args[0]))
            self.made[kind, int(number)] = made

    def run(self):
        self.loop = VirtualLoop()
        events._set_running_loop(self.loop)
        self.make_objects()
        self.spawn(0, "spawn")
        events._set_running_loop(None)
        self.loop.call_at(WATCH, self.watch)
        self.loop.run_forever()
        self.loop.close()
        return self.trace

    def log(self, task_id, number, text):
        self.trace.append(f"{int(self.loop.time())} {task_id} {number} {text}")

    def watch(self):
        """Runs periodically: stops if all tasks are done, else cancels those that hang."""
        left = [task for task in self.tasks if not task.done()]
        self.rounds += 1
        if not left or self.rounds > ROUNDS:
            if left:
                self.log("-", 0, "stuck")
            self.loop.stop()
            return
        self.log("-", 0, "stall")
        for task in left:
            task.cancel()
        self.loop.call_at(WATCH * (self.rounds + 1), self.watch)

    def deadline(self, ticks):
        """A time that no other timer has, since the order of equal ones is unspecified."""
        when = int(self.loop.time()) + ticks
        while when in self.used or when % WATCH == 0:
            when += 1
        self.used.add(when)
        return when

    def delay(self, ticks):
        return self.deadline(ticks) - self.loop.time()

    def spawn(self, body, how, group=None):
        self.started += 1
        task_id = f"t{self.started - 1}"
        coro = self.body(task_id, body)
        try:
            if how == "eager":
                task = asyncio.Task(coro, loop=self.loop, eager_start=True)
            else:
                task = (group or self.loop).create_task(coro)
        except RuntimeError:
            coro.close()
            raise
        self.tasks.append(task)
        task.add_done_callback(lambda f: self.log(task_id, 0, "done " + outcome(f)))
        return task

    async def body(self, task_id, number):
        self.log(task_id, 0, "start")
        result = await self.block(task_id, self.bodies[number])
        return result or 0

    async def block(self, task_id, nodes):
        """The value of a "return" in it, or None."""
        for node in nodes:
            result = None
            try:
                if node.blocks:
                    result = await getattr(self, "scope_" + node.op)(task_id, node)
                    text = "ok" if result is None else "return"
                elif node.op == "return":
                    result, text = int(node.args[0]), "ok"
                else:
                    text = await self.statement(task_id, node)
            except BaseException as error:
                self.log(task_id, node.id, name_of(error))
                if node.mode == "c" or node.mode == "e" and isinstance(error, Exception):
                    continue
                raise
            self.log(task_id, node.id, text)
            if result is not None:
                return result
        return None

    async def statement(self, task_id, node):
        args = [int(a) if a.lstrip("-").isdigit() else a for a in node.args]
        handler = getattr(self, "wait_" + node.op, None)
        if handler:
            return await handler(task_id, *args)
        return self.simple(task_id, node.id, node.op, args)

    def simple(self, task_id, number, op, args):
        result = getattr(self, "do_" + op)(task_id, number, *args)
        return "ok" if result is None else str(result)

    # --- blocks ---

    async def scope_block(self, task_id, node):
        return await self.block(task_id, node.blocks[0])

    async def scope_finally(self, task_id, node):
        try:
            result = await self.block(task_id, node.blocks[0])
        finally:
            self.log(task_id, node.id, "finally")
            late = await self.block(task_id, node.blocks[1])
            if late is not None:
                return late
        return result

    async def scope_with(self, task_id, node):
        async with self.made["lock", int(node.args[0])]:
            self.log(task_id, node.id, "entered")
            return await self.block(task_id, node.blocks[0])

    async def scope_cwith(self, task_id, node):
        async with self.made["condition", int(node.args[0])]:
            self.log(task_id, node.id, "entered")
            return await self.block(task_id, node.blocks[0])

    async def scope_timeout(self, task_id, node):
        number, ticks = int(node.args[0]), int(node.args[1])
        when = None if ticks < 0 else self.loop.time() if ticks == 0 else self.deadline(ticks)
        self.timeouts[number] = scope = asyncio.timeout_at(when)
        async with scope:
            return await self.block(task_id, node.blocks[0])

    async def scope_group(self, task_id, node):
        self.groups[int(node.args[0])] = group = asyncio.TaskGroup()
        group._tasks = InOrder()
        async with group:
            return await self.block(task_id, node.blocks[0])

    # --- statements that may wait ---

    async def wait_sleep(self, task_id, ticks):
        await asyncio.sleep(self.delay(ticks))
        return "ok"

    async def wait_yield(self, task_id):
        await asyncio.sleep(0)
        return "ok"

    async def wait_await(self, task_id, slot):
        if slot not in self.slots:
            return "skip"
        return value_text(await self.slots[slot])

    async def wait_waitfor(self, task_id, slot, ticks):
        if slot not in self.slots:
            return "skip"
        limit = None if ticks < 0 else 0 if ticks == 0 else self.delay(ticks)
        return value_text(await asyncio.wait_for(self.slots[slot], limit))

    async def wait_wait(self, task_id, when, ticks, *slots):
        futures = [self.slots[s] for s in slots if s in self.slots]
        if not futures:
            return "skip"
        names = (asyncio.FIRST_COMPLETED, asyncio.FIRST_EXCEPTION, asyncio.ALL_COMPLETED)
        done, _ = await asyncio.wait(futures, timeout=None if ticks < 0 else self.delay(ticks), return_when=names[when])
        return "".join("+" if f in done else "-" for f in futures)

    async def wait_call(self, task_id, body):
        return value_text(await self.body(task_id, body))

    async def wait_acquire(self, task_id, number):
        await self.made["lock", number].acquire()
        return "ok"

    async def wait_ewait(self, task_id, number):
        await self.made["event", number].wait()
        return "ok"

    async def wait_sacquire(self, task_id, number):
        await self.made["semaphore", number].acquire()
        return "ok"

    async def wait_cwait(self, task_id, number):
        await self.made["condition", number].wait()
        return "ok"

    async def wait_put(self, task_id, number, value):
        await self.made["queue", number].put(self.item(value))
        return "ok"

    async def wait_get(self, task_id, number):
        return value_text(await self.made["queue", number].get())

    async def wait_qjoin(self, task_id, number):
        await self.made["queue", number].join()
        return "ok"

    async def wait_bwait(self, task_id, number):
        return value_text(await self.made["barrier", number].wait())

    async def wait_breset(self, task_id, number):
        await self.made["barrier", number].reset()
        return "ok"

    async def wait_babort(self, task_id, number):
        await self.made["barrier", number].abort()
        return "ok"

    # --- statements that never wait ---

    def item(self, value):
        """Items are unique, since the order of equal ones in a priority queue is unspecified."""
        self.items += 1
        return value * 1000 + self.items

    def start(self, slot, body, how, group=None):
        if self.started >= MAX_TASKS:
            return "skip"
        self.slots[slot] = self.spawn(body, how, group)
        return None

    def do_spawn(self, task_id, number, slot, body):
        return self.start(slot, body, "spawn")

    def do_eager(self, task_id, number, slot, body):
        return self.start(slot, body, "eager")

    def do_gspawn(self, task_id, number, group, slot, body):
        return self.start(slot, body, "spawn", self.groups[group]) if group in self.groups else "skip"

    def do_cancel(self, task_id, number, slot):
        return int(self.slots[slot].cancel()) if slot in self.slots else "skip"

    def do_cancelself(self, task_id, number):
        return int(asyncio.current_task().cancel())

    def do_cancelling(self, task_id, number):
        return asyncio.current_task().cancelling()

    def do_uncancel(self, task_id, number):
        return asyncio.current_task().uncancel()

    def do_state(self, task_id, number, slot):
        return outcome(self.slots[slot]) if slot in self.slots else "skip"

    def do_raise(self, task_id, number, code):
        raise UserError(code)

    def do_future(self, task_id, number, slot):
        self.slots[slot] = self.loop.create_future()

    def do_set(self, task_id, number, slot, value):
        return self.slots[slot].set_result(value) if slot in self.slots else "skip"

    def do_fail(self, task_id, number, slot, code):
        return self.slots[slot].set_exception(UserError(code)) if slot in self.slots else "skip"

    def do_ondone(self, task_id, number, slot):
        if slot not in self.slots:
            return "skip"
        self.slots[slot].add_done_callback(lambda f: self.log("-", number, "done " + outcome(f)))
        return None

    def do_gather(self, task_id, number, slot, errors, *slots):
        futures = [self.slots[s] for s in slots if s in self.slots]
        self.slots[slot] = asyncio.gather(*futures, return_exceptions=bool(errors))

    def do_shield(self, task_id, number, slot, inner):
        if inner not in self.slots:
            return "skip"
        self.slots[slot] = asyncio.shield(self.slots[inner])
        return None

    def callback(self, number, op, args):
        try:
            text = self.simple("-", number, op, args)
        except Exception as error:
            text = name_of(error)
        self.log("-", number, text)

    def do_soon(self, task_id, number, op, *args):
        self.loop.call_soon(self.callback, number, op, args)

    def do_later(self, task_id, number, ticks, op, *args):
        self.loop.call_at(self.deadline(ticks), self.callback, number, op, args)

    def do_resched(self, task_id, number, scope, ticks):
        if scope not in self.timeouts:
            return "skip"
        self.timeouts[scope].reschedule(None if ticks < 0 else self.loop.time() if ticks == 0 else self.deadline(ticks))
        return None

    def do_release(self, task_id, number, lock):
        self.made["lock", lock].release()

    def do_locked(self, task_id, number, lock):
        return int(self.made["lock", lock].locked())

    def do_eset(self, task_id, number, event):
        self.made["event", event].set()

    def do_eclear(self, task_id, number, event):
        self.made["event", event].clear()

    def do_srelease(self, task_id, number, semaphore):
        self.made["semaphore", semaphore].release()

    def do_svalue(self, task_id, number, semaphore):
        return f"{self.made['semaphore', semaphore]._value} {int(self.made['semaphore', semaphore].locked())}"

    def do_notify(self, task_id, number, condition, count):
        self.made["condition", condition].notify(count)

    def do_notifyall(self, task_id, number, condition):
        self.made["condition", condition].notify_all()

    def do_putnow(self, task_id, number, queue, value):
        self.made["queue", queue].put_nowait(self.item(value))

    def do_getnow(self, task_id, number, queue):
        return value_text(self.made["queue", queue].get_nowait())

    def do_taskdone(self, task_id, number, queue):
        self.made["queue", queue].task_done()

    def do_shutdown(self, task_id, number, queue, immediate):
        self.made["queue", queue].shutdown(bool(immediate))

    def do_qsize(self, task_id, number, queue):
        return self.made["queue", queue].qsize()


def main():
    sys.unraisablehook = lambda _: None  # coroutines of a hanging program unwind without a loop
    if sys.version_info < (3, 13):
        sys.exit("CPython 3.13 or later is needed")
    for seed, objects, bodies in parse(sys.stdin.read()):
        sys.stdout.write(f"program {seed}\n")
        for line in Program(objects, bodies).run():
            sys.stdout.write(line + "\n")


if __name__ == "__main__":
    main()
