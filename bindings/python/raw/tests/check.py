# SPDX-License-Identifier: MIT
"""What the tests share. One file is one program, whose last line is "N passed, N failed"."""
import contextlib
import gc
import os
import sys
import unittest

try:
    from libawait import _raw as aw
except ImportError:  # in the build folder, where the two are not in one place
    import _raw as aw

SOURCE = os.environ.get('AWAIT_TEST_SOURCE', os.path.join(os.path.dirname(os.path.abspath(__file__)), *['..'] * 4))


@contextlib.contextmanager
def a_loop(backend=None):
    """A loop of the case's own, closed at its end."""
    loop = aw.aw_loop_new(backend)
    try:
        yield loop
    finally:
        aw.aw_loop_close(loop)


def run(loop, future):
    """The two halves of an iteration in turn, until the future is done; its result."""
    while not aw.aw_future_done(future):
        aw.aw_loop_wait(loop, aw.FOREVER)
        aw.aw_loop_dispatch(loop)
    return aw.aw_future_result(future)


def coroutine(loop, generator):
    """A coroutine of libawait's that a generator drives: it yields a future or a coroutine, and is sent what that gives."""
    def step(resume):
        try:
            if aw.aw_resume_status(resume) < 0:
                awaited = generator.throw(aw.exception_of(aw.aw_resume_error(resume)))
            else:
                awaited = generator.send(aw.aw_resume_value(resume))
        except StopIteration as end:
            return aw.aw_resume_return(resume, end.value)
        if awaited is None:
            return aw.aw_resume_yield(resume)
        if isinstance(awaited, aw.Coro):
            return aw.aw_resume_delegate(resume, awaited)
        return aw.aw_resume_await(resume, awaited)
    return aw.aw_coro_new(loop, step)


def spawn(loop, generator):
    return aw.aw_task_spawn_coro(loop, coroutine(loop, generator))


class Case(unittest.TestCase):
    """A test after which as many handles live as before."""

    def setUp(self):
        gc.collect()
        self.before = aw.aw_debug_live_handles()

    def tearDown(self):
        gc.collect()
        self.assertEqual(aw.aw_debug_live_handles(), self.before)


def main():
    program = unittest.main(exit=False, verbosity=1)
    result = program.result
    bad = len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses)
    for test, why in result.skipped:
        print(f'skipped: {test}: {why}')
    sys.stderr.flush()
    skipped = f', {len(result.skipped)} skipped' if result.skipped else ''
    print(f'{result.testsRun - bad - len(result.skipped)} passed, {bad} failed{skipped}')
    sys.exit(1 if bad else 0)
