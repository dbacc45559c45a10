#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Random programs of tasks, futures, scopes, locks and queues, as text that interpret.py and interpret.c both run.

A program is lines. Objects come first ("lock 0", "queue 1 fifo 2"), then bodies of statements:
    ID MODE OP ARGUMENTS          MODE: c catches everything, e catches errors but not cancellation, p propagates all
    ID MODE OP ARGUMENTS {        ... its block ...   }    ("finally" has a second block behind "} {")
Slots hold tasks and futures, and are shared by all tasks. A body awaits only slots of bodies with a higher number, so that there
are no wait cycles. A program still runs if any statement is removed.

The random number generator is implemented here, so that every version of Python generates the same programs.
"""
import sys

VERSION = 1
SPAWNED = 40  # statements, in one program


class Numbers:
    """splitmix64."""

    def __init__(self, seed):
        self.state = seed & (2**64 - 1)

    def next(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & (2**64 - 1)
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & (2**64 - 1)
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & (2**64 - 1)
        return z ^ (z >> 31)

    def below(self, count):
        return self.next() % count

    def between(self, low, high):
        return low + self.below(high - low + 1)

    def chance(self, percent):
        return self.below(100) < percent

    def pick(self, items):
        return items[self.below(len(items))]


# The statements: theme, and frequency within it.
THEMES = {
    "core": {"sleep": 6, "yield": 5, "spawn": 8, "await": 7, "cancel": 5, "state": 1, "raise": 1, "return": 1, "finally": 2,
             "block": 1, "call": 2},
    "eager": {"eager": 5, "spawn": 1},
    "futures": {"future": 1, "set": 4, "fail": 2, "awaitfuture": 6, "ondone": 3, "soon": 3, "later": 3},
    "cancelling": {"cancel": 4, "cancelself": 2, "cancelling": 2, "uncancel": 2, "finally": 3},
    "shield": {"shield": 5},
    "wait_for": {"waitfor": 6},
    "gather": {"gather": 6},
    "wait": {"wait": 6},
    "timeout": {"timeout": 6, "resched": 2},
    "group": {"group": 6, "gspawn": 3},
    "lock": {"acquire": 2, "release": 2, "locked": 1, "with": 5},
    "event": {"ewait": 5, "eset": 3, "eclear": 2},
    "semaphore": {"sacquire": 5, "srelease": 4, "svalue": 1},
    "condition": {"cwith": 6, "notify": 2, "notifyall": 1, "cwait": 1},
    "queue": {"put": 4, "get": 5, "putnow": 2, "getnow": 1, "taskdone": 2, "qjoin": 1, "shutdown": 1, "qsize": 1},
    "barrier": {"bwait": 6, "breset": 1, "babort": 1},
}
# The statements a plain callback can contain.
CALLBACKS = ["cancel", "set", "fail", "eset", "eclear", "release", "srelease", "putnow", "getnow"]


class Generator:
    def __init__(self, seed):
        self.seed = seed
        self.numbers = Numbers(seed * 7919 + VERSION)
        n = self.numbers
        self.lines = []
        self.id = 0
        self.bodies = n.between(2, 6)
        self.slots = []  # level of each: the lowest body whose tasks it can hold
        self.task_slots = {b: [self.slot(b) for _ in range(n.between(1, 2))] for b in range(1, self.bodies)}
        self.future_slots = [self.slot(99) for _ in range(n.between(1, 3))]
        self.locks, self.events, self.semaphores = n.between(1, 2), n.between(1, 2), n.between(1, 2)
        self.conditions, self.queues, self.barriers = n.between(1, 2), n.between(1, 2), 1
        self.timeouts = 0
        self.main = False
        self.groups = []  # the body of each
        themes = [name for name in THEMES if name != "core"]
        chosen = ["core"] + [n.pick(themes) for _ in range(n.between(1, 4))]
        self.weights = {}
        for theme in chosen:
            for op, weight in THEMES[theme].items():
                self.weights[op] = self.weights.get(op, 0) + weight
        self.uses = chosen

    def slot(self, level):
        self.slots.append(level)
        return len(self.slots) - 1

    def emit(self, depth, op, *args, mode=None, block=False):
        n = self.numbers
        if mode is None:
            mode = "c" if depth == 1 and self.main else n.pick("ccceepp")
        self.id += 1
        text = " ".join(str(a) for a in args)
        self.lines.append("\t" * depth + f"{self.id} {mode} {op}" + (" " + text if text else "") + (" {" if block else ""))

    def choose(self):
        n = self.numbers.below(sum(self.weights.values()))
        for op, weight in self.weights.items():
            n -= weight
            if n < 0:
                return op
        raise AssertionError

    def awaitable(self, body):
        slots = [s for s, level in enumerate(self.slots) if level > body]
        return self.numbers.pick(slots)

    def any_slot(self):
        return self.numbers.below(len(self.slots))

    def block(self, depth, body, group, count):
        for _ in range(count):
            self.statement(depth, body, group)

    def statement(self, depth, body, group):
        n = self.numbers
        op = self.choose()
        if depth > 4 and op in ("finally", "block", "timeout", "group", "with", "cwith"):
            op = "yield"
        if op in ("spawn", "eager", "gspawn", "group", "call") and body + 1 >= self.bodies:
            op = "sleep"
        if op == "gspawn" and not self.groups:
            op = "yield"
        if op == "awaitfuture":
            self.emit(depth, "await", n.pick(self.future_slots))
        elif op in MAKERS:
            self.emit(depth, op, *MAKERS[op](self, n, body))
        else:
            getattr(self, "make_" + op)(depth, body, group)

    # --- statements with a block ---

    def make_finally(self, depth, body, group):
        self.emit(depth, "finally", block=True)
        self.block(depth + 1, body, group, self.numbers.between(1, 3))
        self.lines.append("\t" * depth + "} {")
        self.block(depth + 1, body, group, self.numbers.between(1, 2))
        self.lines.append("\t" * depth + "}")

    def scope(self, depth, body, group, op, *args):
        self.emit(depth, op, *args, block=True)
        self.block(depth + 1, body, group, self.numbers.between(1, 4))
        self.lines.append("\t" * depth + "}")

    def make_block(self, depth, body, group):
        self.scope(depth, body, group, "block")

    def make_with(self, depth, body, group):
        self.scope(depth, body, group, "with", self.numbers.below(self.locks))

    def make_cwith(self, depth, body, group):
        n = self.numbers
        condition = n.below(self.conditions)
        self.emit(depth, "cwith", condition, block=True)
        for _ in range(n.between(1, 3)):
            op = n.pick(["cwait", "cwait", "notify", "notifyall", "other"])
            if op == "other":
                self.statement(depth + 1, body, group)
            elif op == "notify":
                self.emit(depth + 1, "notify", condition, n.between(1, 2))
            else:
                self.emit(depth + 1, op, condition)
        self.lines.append("\t" * depth + "}")

    def make_timeout(self, depth, body, group):
        n = self.numbers
        self.timeouts += 1
        self.scope(depth, body, group, "timeout", self.timeouts - 1, n.pick([-1, 0, 1, 2, 3, 4, 6, 9]))

    def make_group(self, depth, body, group):
        n = self.numbers
        number = len(self.groups)
        self.groups.append(body)
        self.emit(depth, "group", number, block=True)
        for _ in range(n.between(1, 3)):
            child = n.between(body + 1, self.bodies - 1)
            self.emit(depth + 1, "gspawn", number, n.pick(self.task_slots[child]), child)
        self.block(depth + 1, body, number, n.between(0, 3))
        self.lines.append("\t" * depth + "}")

    def consume(self, depth, slot):
        n = self.numbers
        if n.chance(25):
            self.emit(depth, "yield")
        if n.chance(70):
            self.emit(depth, "await", slot)
        else:
            self.emit(depth, "waitfor", slot, n.between(0, 5))

    # --- futures made from others: the slot has the lowest level among them ---

    def make_gather(self, depth, body, group):
        n = self.numbers
        parts = [self.awaitable(0) for _ in range(n.below(4))]
        slot = self.slot(min([self.slots[p] for p in parts], default=99))
        self.emit(depth, "gather", slot, n.below(2), *parts)
        if self.slots[slot] > body and n.chance(80):
            self.consume(depth, slot)

    def make_shield(self, depth, body, group):
        n = self.numbers
        inner = self.awaitable(0)
        slot = self.slot(self.slots[inner])
        self.emit(depth, "shield", slot, inner)
        if self.slots[slot] > body and n.chance(80):
            self.consume(depth, slot)

    def make_gspawn(self, depth, body, group):
        n = self.numbers
        number = n.below(len(self.groups))
        low = max(body, self.groups[number]) + 1
        if low >= self.bodies:
            return
        child = n.between(low, self.bodies - 1)
        self.emit(depth, "gspawn", number, n.pick(self.task_slots[child]), child)

    def make_spawn(self, depth, body, group, op="spawn"):
        n = self.numbers
        child = n.between(body + 1, self.bodies - 1)
        self.emit(depth, op, n.pick(self.task_slots[child]), child)

    def make_eager(self, depth, body, group):
        self.make_spawn(depth, body, group, "eager")

    def make_soon(self, depth, body, group, op="soon", first=()):
        n = self.numbers
        inner = n.pick([c for c in CALLBACKS if c in self.weights])
        self.emit(depth, op, *first, inner, *MAKERS[inner](self, n, body))

    def make_later(self, depth, body, group):
        self.make_soon(depth, body, group, "later", (self.numbers.below(6),))

    def program(self):
        n = self.numbers
        for body in range(self.bodies):
            self.main = body == 0
            self.lines.append(f"body {body} {{")
            if body == 0:
                for slot in self.future_slots:
                    self.emit(1, "future", slot, mode="c")
                for _ in range(n.between(1, 3)):
                    self.make_spawn(1, body, None)
            self.block(1, body, None, n.between(2, 7 if body == 0 else 5))
            self.lines.append("}")
        head = [f"program {self.seed}"]
        kinds = ["fifo", "lifo", "priority"]
        head += [f"lock {i}" for i in range(self.locks)] + [f"event {i}" for i in range(self.events)]
        head += [f"semaphore {i} {n.pick(['plain', 'bounded'])} {n.below(3)}" for i in range(self.semaphores)]
        head += [f"condition {i}" for i in range(self.conditions)]
        head += [f"queue {i} {n.pick(kinds)} {n.below(3)}" for i in range(self.queues)]
        head += [f"barrier {i} {n.between(1, 3)}" for i in range(self.barriers)]
        return "\n".join(head + self.lines + ["end"]) + "\n"


MAKERS = {
    "sleep": lambda g, n, b: (n.between(1, 6),),
    "yield": lambda g, n, b: (),
    "await": lambda g, n, b: (g.awaitable(b),),
    "cancel": lambda g, n, b: (g.any_slot(),),
    "cancelself": lambda g, n, b: (),
    "cancelling": lambda g, n, b: (),
    "uncancel": lambda g, n, b: (),
    "state": lambda g, n, b: (g.any_slot(),),
    "raise": lambda g, n, b: (n.between(1, 5),),
    "return": lambda g, n, b: (n.between(1, 9),),
    "call": lambda g, n, b: (n.between(b + 1, g.bodies - 1),),
    "future": lambda g, n, b: (n.pick(g.future_slots),),
    "set": lambda g, n, b: (n.pick(g.future_slots), n.between(1, 9)),
    "fail": lambda g, n, b: (n.pick(g.future_slots), n.between(1, 5)),
    "ondone": lambda g, n, b: (g.any_slot(),),
    "waitfor": lambda g, n, b: (g.awaitable(b), n.pick([-1, 0, 1, 2, 3, 4, 6])),
    "wait": lambda g, n, b: (n.below(3), n.pick([-1, 0, 1, 2, 4, 8]), *[g.awaitable(b) for _ in range(n.between(1, 3))]),
    "resched": lambda g, n, b: (n.below(max(g.timeouts, 1)), n.pick([-1, 0, 1, 3, 5])),
    "acquire": lambda g, n, b: (n.below(g.locks),),
    "release": lambda g, n, b: (n.below(g.locks),),
    "locked": lambda g, n, b: (n.below(g.locks),),
    "ewait": lambda g, n, b: (n.below(g.events),),
    "eset": lambda g, n, b: (n.below(g.events),),
    "eclear": lambda g, n, b: (n.below(g.events),),
    "sacquire": lambda g, n, b: (n.below(g.semaphores),),
    "srelease": lambda g, n, b: (n.below(g.semaphores),),
    "svalue": lambda g, n, b: (n.below(g.semaphores),),
    "cwait": lambda g, n, b: (n.below(g.conditions),),
    "notify": lambda g, n, b: (n.below(g.conditions), n.between(1, 2)),
    "notifyall": lambda g, n, b: (n.below(g.conditions),),
    "put": lambda g, n, b: (n.below(g.queues), n.between(1, 9)),
    "get": lambda g, n, b: (n.below(g.queues),),
    "putnow": lambda g, n, b: (n.below(g.queues), n.between(1, 9)),
    "getnow": lambda g, n, b: (n.below(g.queues),),
    "taskdone": lambda g, n, b: (n.below(g.queues),),
    "qjoin": lambda g, n, b: (n.below(g.queues),),
    "shutdown": lambda g, n, b: (n.below(g.queues), n.below(2)),
    "qsize": lambda g, n, b: (n.below(g.queues),),
    "bwait": lambda g, n, b: (n.below(g.barriers),),
    "breset": lambda g, n, b: (n.below(g.barriers),),
    "babort": lambda g, n, b: (n.below(g.barriers),),
}


def generate(seed):
    """The text of the program for this seed."""
    return Generator(seed).program()


if __name__ == "__main__":
    for seed in sys.argv[1:]:
        sys.stdout.write(generate(int(seed)))
