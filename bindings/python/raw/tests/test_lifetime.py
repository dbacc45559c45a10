# SPDX-License-Identifier: MIT
"""Handles are released with their wrappers; callables and values live as long as C needs them."""
import gc
import os
import weakref

from check import Case, a_loop, aw, coroutine, main, run, spawn


class It:
    pass


class Lifetime(Case):
    def test_handles_go_with_their_wrappers(self):
        with a_loop() as loop:
            def sleeps(i):
                return (yield aw.aw_sleep_coro(loop, 0, i))
            for _ in range(100):
                aw.aw_future_set_result(aw.aw_future_new(loop), 'value')
                aw.aw_lock_new(loop)
            tasks = [spawn(loop, sleeps(i)) for i in range(50)]
            run(loop, aw.aw_gather(loop, tasks, 0))
            del tasks
            aw.aw_loop_dispatch(loop)
            self.assertLess(aw.aw_debug_live_handles(), self.before + 5)

    def test_callables_and_values_are_freed_once_c_has_released_them(self):
        with a_loop() as loop:
            weak = []

            def make(register):
                it = It()
                weak.append(weakref.ref(it))
                register(it)
            for _ in range(20):
                make(lambda it: aw.aw_loop_call_soon(loop, lambda of, it=it: None))
                make(lambda it: aw.aw_handle_cancel(aw.aw_loop_call_later(loop, aw.SECOND, lambda of, it=it: None)))
                make(lambda it: aw.aw_future_set_result(aw.aw_future_new(loop), it))
                make(lambda it: aw.aw_queue_put_nowait(aw.aw_queue_new(loop, 0), it))
                make(lambda it: aw.aw_sleep_coro(loop, 0, it))
                make(lambda it: aw.aw_error_new(loop, aw.AW_EHOST, None, it))
                make(lambda it: aw.aw_loop_set_host_data(loop, it))
            self.assertIsNotNone(weak[-1]())
            aw.aw_loop_set_host_data(loop, None)
            aw.aw_loop_dispatch(loop)
            gc.collect()
            self.assertEqual([one() for one in weak], [None] * len(weak))

    def test_a_value_that_was_refused_is_released(self):
        with a_loop() as loop:
            it = It()
            weak = weakref.ref(it)
            future, full = aw.aw_future_new(loop), aw.aw_queue_new(loop, 1)
            aw.aw_future_set_result(future, 1)
            aw.aw_queue_put_nowait(full, 1)
            for call in (lambda: aw.aw_future_set_result(future, it), lambda: aw.aw_queue_put_nowait(full, it),
                         lambda: aw.aw_error_new(loop, 0, None, it), lambda: aw.aw_queue_put_coro(None, it),
                         lambda: aw.aw_loop_set_host_data(None, it)):
                with self.assertRaises((OSError, aw.Error)):
                    call()
            del it
            self.assertIsNone(weak())

    def test_a_loop_that_was_dropped_unclosed_goes_too(self):
        for _ in range(5):
            aw.aw_loop_call_soon(aw.aw_loop_new(None), self.fail)

    def test_pending_work_goes_with_the_loop(self):
        weak = []
        with a_loop() as loop:
            def waits():
                it = It()
                weak.append(weakref.ref(it))
                yield aw.aw_future_new(loop)
            for _ in range(10):
                spawn(loop, waits())
            coroutine(loop, waits())
            aw.aw_loop_dispatch(loop)
            self.assertEqual(len(weak), 10)
        gc.collect()
        self.assertEqual([one() for one in weak], [None] * 10)

    def test_handles_outlive_their_loop(self):
        with a_loop() as loop:
            future, handle = aw.aw_future_new(loop), aw.aw_loop_call_later(loop, aw.SECOND, print)
        del loop
        gc.collect()
        with self.assertRaises(aw.Error):
            aw.aw_future_set_result(future, 1)
        aw.aw_handle_cancelled(handle)

    def test_a_destructor_that_lets_go_of_handles_while_an_exception_is_raised(self):
        with a_loop() as loop:
            def raises():
                future = aw.aw_future_new(loop)
                aw.aw_future_set_error(future, aw.failure_of(ValueError('never looked at')))
                del future  # calls the handler below while the KeyError is being raised
                raise KeyError('mine')
            told = []
            aw.aw_loop_set_exception_handler(loop, lambda of, report: told.append(aw.aw_report_message(report)))
            with self.assertRaisesRegex(KeyError, 'mine'):
                raises()
            aw.aw_loop_dispatch(loop)
            self.assertEqual(told, ['Future exception was never retrieved'])

    def test_a_forked_child_abandons_its_loop(self):
        with a_loop() as loop:
            aw.aw_loop_call_soon(loop, lambda of: None)
            pid = os.fork()
            if pid == 0:
                try:
                    aw.aw_loop_dispatch(loop)
                except aw.Error as error:
                    aw.aw_loop_abandon(loop)
                    os._exit(0 if error.code == aw.AW_EFORKED else 1)
                os._exit(2)
            self.assertEqual(os.waitpid(pid, 0)[1], 0)


main()
