# SPDX-License-Identifier: MIT
"""A thread waits for the outcome of a task in a loop: it arrives, the timeout is distinct from the task's, and a signal ends the wait at once."""
import contextlib
import errno
import os
import signal
import socket
import threading
import time

from check import Case, a_loop, aw, main


@contextlib.contextmanager
def a_running_loop():
    """A loop that runs in a separate thread."""
    with a_loop() as loop:
        def drive():
            while not aw.aw_loop_take_stop(loop):
                aw.aw_loop_wait(loop, aw.FOREVER)
                aw.aw_loop_dispatch(loop)
        thread = threading.Thread(target=drive)
        thread.start()
        try:
            yield loop
        finally:
            aw.aw_loop_call_soon_threadsafe(loop, lambda of: aw.aw_loop_stop(of))
            thread.join()


def after(loop, seconds, value):
    """A concurrent future whose task returns the value, or raises it if it is an exception."""
    def step(resume):
        if not slept:
            slept.append(True)
            return aw.aw_resume_delegate(resume, aw.aw_sleep_coro(loop, int(seconds * 1e9), None))
        if isinstance(value, Exception):
            raise value
        return aw.aw_resume_return(resume, value)
    slept = []
    return aw.aw_run_step_threadsafe(loop, step)


@contextlib.contextmanager
def handled(number, handler):
    before = signal.signal(number, handler)
    try:
        yield
    finally:
        signal.signal(number, before)


class Enough(Exception):
    pass


def enough(*_):
    raise Enough


class Waits(Case):
    def test_a_value_that_arrives_within_the_limit_is_the_value(self):
        with a_running_loop() as loop:
            wrong = []

            def waits(part):
                for n in range(24):
                    try:
                        if aw.aw_concurrent_future_wait(after(loop, 0.018 + part * 0.0002, n), 60 * aw.SECOND) != n:
                            wrong.append(n)
                    except Exception as error:
                        wrong.append(error)
            threads = [threading.Thread(target=waits, args=(part,)) for part in range(25)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(wrong, [])

    def test_a_timeout_of_the_wait_is_distinguished_from_one_in_the_task(self):
        with a_running_loop() as loop:
            never = after(loop, 3600, None)
            for limit in (0, aw.MILLISECOND):
                with self.assertRaises(aw.Pending) as caught:
                    aw.aw_concurrent_future_wait(never, limit)
                self.assertEqual(caught.exception.code, aw.AW_EPENDING)
                self.assertIsInstance(caught.exception, (aw.Timeout, TimeoutError))
            late = after(loop, 0, aw.exception_of(aw.aw_error_new(None, aw.AW_ETIMEOUT, 'late', None)))
            with self.assertRaises(aw.Timeout) as caught:
                aw.aw_concurrent_future_wait(late, 60 * aw.SECOND)
            self.assertNotIsInstance(caught.exception, aw.Pending)
            aw.aw_concurrent_future_cancel(never)

    def test_a_failure_that_looks_like_an_interruption_is_the_task_s(self):
        with a_running_loop() as loop:
            with self.assertRaises(InterruptedError):
                aw.aw_concurrent_future_wait(after(loop, 0, OSError(errno.EINTR, 'the task')), 60 * aw.SECOND)

    def test_a_signal_at_any_moment_ends_the_wait(self):
        with a_running_loop() as loop, handled(signal.SIGALRM, enough):
            never = after(loop, 3600, None)
            for i in range(200):
                with self.assertRaises(Enough):
                    signal.setitimer(signal.ITIMER_REAL, 1e-6 * (1 + i))
                    aw.aw_concurrent_future_wait(never, aw.FOREVER)
            aw.aw_concurrent_future_cancel(never)

    def test_a_signal_that_another_thread_receives_ends_the_wait_of_the_main_thread(self):
        with a_running_loop() as loop, handled(signal.SIGUSR1, enough):
            never = after(loop, 3600, None)
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
            try:
                for limit in (aw.FOREVER, 3600 * aw.SECOND):
                    aw.aw_loop_call_soon_threadsafe(loop, lambda of: os.kill(os.getpid(), signal.SIGUSR1))
                    with self.assertRaises(Enough):
                        aw.aw_concurrent_future_wait(never, limit)
            finally:
                signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGUSR1])
            aw.aw_concurrent_future_cancel(never)

    def test_ctrl_c_ends_a_wait(self):
        with a_running_loop() as loop:
            never = after(loop, 3600, None)
            aw.aw_loop_call_soon_threadsafe(loop, lambda of: os.kill(os.getpid(), signal.SIGINT))
            with self.assertRaises(KeyboardInterrupt):
                aw.aw_concurrent_future_wait(never, aw.FOREVER)
            aw.aw_concurrent_future_cancel(never)

    def test_a_handler_that_raises_nothing_lets_the_wait_go_on(self):
        seen = []
        with a_running_loop() as loop, handled(signal.SIGUSR1, lambda *_: seen.append(True)):
            def kills(of):
                for _ in range(3):
                    os.kill(os.getpid(), signal.SIGUSR1)
                sent.release()
            sent = threading.Semaphore(0)
            aw.aw_loop_call_soon_threadsafe(loop, kills)
            self.assertEqual(aw.aw_concurrent_future_wait(after(loop, 0.02, 'value'), 60 * aw.SECOND), 'value')
            self.assertTrue(seen)
            never = after(loop, 3600, None)
            aw.aw_loop_call_soon_threadsafe(loop, kills)
            start = time.monotonic()
            with self.assertRaises(aw.Pending):
                aw.aw_concurrent_future_wait(never, 20 * aw.MILLISECOND)
            self.assertGreaterEqual(time.monotonic() - start, 0.02)
            sent.acquire()
            sent.acquire()  # while they are handled
            aw.aw_concurrent_future_cancel(never)

    def test_the_program_s_wakeup_descriptor_is_kept_and_fed(self):
        mine, theirs = socket.socketpair()
        mine.setblocking(False)
        theirs.setblocking(False)
        with mine, theirs, a_running_loop() as loop, handled(signal.SIGUSR1, lambda *_: None):
            before = signal.set_wakeup_fd(theirs.fileno())
            try:
                aw.aw_loop_call_soon_threadsafe(loop, lambda of: os.kill(os.getpid(), signal.SIGUSR1))
                self.assertEqual(aw.aw_concurrent_future_wait(after(loop, 0.02, 'value'), aw.FOREVER), 'value')
            finally:
                self.assertEqual(signal.set_wakeup_fd(before), theirs.fileno())
            self.assertEqual(mine.recv(16), bytes([signal.SIGUSR1]))

    def test_without_a_descriptor_left_a_wait_still_works(self):
        import resource
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        with a_running_loop() as loop, handled(signal.SIGALRM, enough):
            never = after(loop, 3600, None)
            resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
                with self.assertRaises(Enough):
                    aw.aw_concurrent_future_wait(never, aw.FOREVER)
                signal.setitimer(signal.ITIMER_REAL, 0)
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            self.assertEqual(aw.aw_concurrent_future_wait(after(loop, 0, 'value'), aw.FOREVER), 'value')
            aw.aw_concurrent_future_cancel(never)

    def test_no_descriptor_is_left_behind(self):
        with a_running_loop() as loop:
            def wait():
                aw.aw_concurrent_future_wait(after(loop, 0.001, 'value'), aw.FOREVER)
            wait()
            before = sorted(os.listdir('/proc/self/fd'))
            for _ in range(5):
                wait()
                thread = threading.Thread(target=wait)
                thread.start()
                thread.join()
            self.assertEqual(sorted(os.listdir('/proc/self/fd')), before)


main()
