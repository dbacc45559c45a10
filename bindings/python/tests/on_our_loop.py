# SPDX-License-Identifier: MIT
"""Runs an asyncio program unchanged, with libawait's loop as the default. Exit status 3: it succeeded, but did not create such a loop.

Under virtual time, the clocks of the module `time` follow the loop's, because the programs print how long they took.

usage: on_our_loop.py PROGRAM
"""
import asyncio
import os
import runpy
import sys
import time

import libawait

made = 0
closed = 0.0
alive = []


class Counted(libawait.EventLoop):
    def __init__(self, *args):
        global made
        super().__init__(*args)
        made += 1
        self.began = self.time()
        alive.append(self)

    def close(self):
        global closed
        if self in alive:
            alive.remove(self)
            closed += self.time() - self.began
        super().close()


def virtual(clock):
    """A clock of time's, as it would be if only the loops' time passed."""
    start = clock()
    return lambda: start + closed + sum(loop.time() - loop.began for loop in alive)


class Policy(libawait.EventLoopPolicy):
    _loop_factory = Counted


Counted.__name__ = 'EventLoop'
asyncio.set_event_loop_policy(Policy())
if os.environ.get('AWAIT_BACKEND') == 'virtual':
    for clock in 'time', 'monotonic', 'perf_counter':
        setattr(time, clock, virtual(getattr(time, clock)))
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name='__main__')
if not made:
    sys.exit(3)
