# SPDX-License-Identifier: MIT
"""Shared code of the tests. Each file is a program whose last line of output is "N passed, N failed"."""
import contextlib
import gc
import os
import sys
import unittest

try:
    from libawait import _raw as aw
except ImportError:  # in the build folder, where the two are in separate places
    import _raw as aw

SOURCE = os.environ.get('AWAIT_TEST_SOURCE', os.path.join(os.path.dirname(os.path.abspath(__file__)), *['..'] * 4))


@contextlib.contextmanager
def a_loop(backend=None):
    """A loop for this case, closed at its end."""
    loop = aw.aw_loop_new(backend)
    try:
        yield loop
    finally:
        aw.aw_loop_close(loop)


def run(loop, future):
    """Wait and dispatch in turn until the future is done; returns its result."""
    while not aw.aw_future_done(future):
        aw.aw_loop_wait(loop, aw.FOREVER)
        aw.aw_loop_dispatch(loop)
    return aw.aw_future_result(future)


def coroutine(loop, generator):
    """A libawait coroutine driven by a generator, which yields a future or a coroutine and is sent its result."""
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
    """Check that the test leaks no handles."""

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
