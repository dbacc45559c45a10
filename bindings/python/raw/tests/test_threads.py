# SPDX-License-Identifier: MIT
"""A wait releases the GIL; what other threads may do meanwhile."""
import signal
import threading

from check import Case, a_loop, aw, main, run


class Threads(Case):
    def test_a_wait_lets_other_threads_run(self):
        with a_loop() as loop:
            seen = []

            def other():
                seen.append('ran')
                aw.aw_loop_wakeup(loop)
            thread = threading.Thread(target=other)
            thread.start()
            while not seen:
                aw.aw_loop_wait(loop, aw.FOREVER)
            thread.join()

    def test_callbacks_from_threads(self):
        with a_loop() as loop:
            seen = []

            def other(i):
                for _ in range(100):
                    aw.aw_loop_call_soon_threadsafe(loop, lambda of: seen.append(i))
            threads = [threading.Thread(target=other, args=(i,)) for i in range(4)]
            for thread in threads:
                thread.start()
            while len(seen) < 400:
                aw.aw_loop_wait(loop, aw.FOREVER)
                aw.aw_loop_dispatch(loop)
            for thread in threads:
                thread.join()
            self.assertEqual([seen.count(i) for i in range(4)], [100] * 4)

    def test_what_a_callback_raises_comes_out_in_the_thread_that_dispatches(self):
        with a_loop() as loop, a_loop() as mine:
            caught = []

            def fails(of):
                raise ValueError('in the thread')

            def other():
                aw.aw_loop_call_soon(loop, fails)
                try:
                    aw.aw_loop_dispatch(loop)
                except ValueError as error:
                    caught.append(str(error))
            thread = threading.Thread(target=other)
            thread.start()
            for _ in range(100):
                aw.aw_loop_dispatch(mine)
            thread.join()
            self.assertEqual(caught, ['in the thread'])

    def test_a_concurrent_future_is_waited_for_by_a_thread(self):
        with a_loop() as loop:
            outcomes = []

            def step(resume):
                return aw.aw_resume_return(resume, 'value')

            def fails(resume):
                raise ValueError('from the loop')

            def other():
                try:
                    outcomes.append(aw.aw_concurrent_future_wait(aw.aw_run_step_threadsafe(loop, step), aw.FOREVER))
                    aw.aw_concurrent_future_wait(aw.aw_run_step_threadsafe(loop, fails), aw.FOREVER)
                except ValueError as error:
                    outcomes.append(str(error))
                done = aw.aw_run_step_threadsafe(loop, lambda resume: aw.aw_resume_await(resume, never))
                try:
                    aw.aw_concurrent_future_wait(done, aw.MILLISECOND)
                except TimeoutError:
                    outcomes.append('late')
                aw.aw_concurrent_future_cancel(done)
                aw.aw_loop_call_soon_threadsafe(loop, lambda of: aw.aw_loop_stop(of))
            never = aw.aw_future_new(loop)
            thread = threading.Thread(target=other)
            thread.start()
            while not aw.aw_loop_take_stop(loop):
                aw.aw_loop_wait(loop, aw.FOREVER)
                aw.aw_loop_dispatch(loop)
            thread.join()
            self.assertEqual(outcomes, ['value', 'from the loop', 'late'])

    def test_a_handle_released_by_another_thread(self):
        with a_loop() as loop:
            future = [aw.aw_future_new(loop)]
            aw.aw_future_set_result(future[0], object())
            thread = threading.Thread(target=future.clear)
            thread.start()
            thread.join()
            aw.aw_loop_dispatch(loop)

    def test_a_signal_s_handler_runs_in_a_wait(self):
        with a_loop() as loop:
            def interrupt(*_):
                raise InterruptedError('by the signal')
            before = signal.signal(signal.SIGALRM, interrupt)
            signal.setitimer(signal.ITIMER_REAL, 0.02)
            try:
                with self.assertRaisesRegex(InterruptedError, 'by the signal'):
                    aw.aw_loop_wait(loop, aw.FOREVER)
            finally:
                signal.signal(signal.SIGALRM, before)

    def test_an_executor_ends(self):
        executor = aw.aw_executor_new(1)
        self.assertEqual(aw.aw_executor_max_threads(executor), 1)
        aw.aw_executor_shutdown_wait(executor, aw.FOREVER)


main()
