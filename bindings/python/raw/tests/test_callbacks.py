# SPDX-License-Identifier: MIT
"""Callables as callbacks of the loop and of futures."""
import os
import signal
import sys

from check import Case, a_loop, aw, main


class Callbacks(Case):
    def test_they_run_in_the_order_in_which_they_were_made(self):
        with a_loop() as loop:
            seen = []
            aw.aw_loop_call_later(loop, aw.MILLISECOND, lambda of: seen.append('later'))
            aw.aw_loop_call_soon(loop, lambda of: seen.append(of == loop))
            aw.aw_loop_call_soon(loop, lambda of: seen.append('second'))
            self.assertEqual(seen, [])
            while len(seen) < 3:
                aw.aw_loop_wait(loop, aw.FOREVER)
                aw.aw_loop_dispatch(loop)
            self.assertEqual(seen, [True, 'second', 'later'])

    def test_a_cancelled_handle_calls_nothing(self):
        with a_loop() as loop:
            handle = aw.aw_loop_call_soon(loop, self.fail)
            aw.aw_handle_cancel(handle)
            self.assertIs(aw.aw_handle_cancelled(handle), True)
            aw.aw_loop_dispatch(loop)

    def test_a_done_callback_gets_the_future_through_the_ready_queue(self):
        with a_loop() as loop:
            future, seen = aw.aw_future_new(loop), []
            aw.aw_future_add_done_callback(future, lambda done: seen.append((done == future, aw.aw_future_result(done))))
            aw.aw_future_set_result(future, 'value')
            self.assertEqual(seen, [])
            aw.aw_loop_dispatch(loop)
            self.assertEqual(seen, [(True, 'value')])

    def test_a_done_callback_is_removed_by_its_callable(self):
        with a_loop() as loop:
            future, seen = aw.aw_future_new(loop), []
            for _ in range(2):
                aw.aw_future_add_done_callback(future, self.fail)  # a new bound method each time
            aw.aw_future_add_done_callback(future, seen.append)
            self.assertEqual(aw.aw_future_remove_done_callback(future, self.fail), 2)
            self.assertEqual(aw.aw_future_remove_done_callback(future, self.fail), 0)
            aw.aw_future_set_result(future, None)
            aw.aw_loop_dispatch(loop)
            self.assertEqual(len(seen), 1)

    def test_what_is_not_callable_is_refused(self):
        with a_loop() as loop:
            for call in (aw.aw_loop_call_soon, aw.aw_coro_new, aw.aw_loop_set_exception_handler):
                with self.assertRaises(TypeError):
                    call(loop, 5)
            with self.assertRaises(TypeError):
                aw.aw_loop_call_soon(loop)

    def test_a_callback_may_drop_its_own_handle_and_close_is_refused_in_it(self):
        with a_loop() as loop:
            held, seen = [], []

            def close(of):
                held.clear()
                try:
                    aw.aw_loop_close(of)
                except aw.Error as error:
                    seen.append(error.code)
            held.append(aw.aw_loop_call_soon(loop, close))
            aw.aw_loop_dispatch(loop)
            self.assertEqual(seen, [aw.AW_ELOOPRUNNING])

    def test_each_callable_is_released_once(self):
        with a_loop() as loop:
            def callback(of):
                pass
            held = sys.getrefcount(callback)
            aw.aw_loop_call_soon(loop, callback)
            cancelled = aw.aw_loop_call_later(loop, aw.SECOND, callback)
            aw.aw_loop_call_later(loop, aw.SECOND, callback)
            with self.assertRaises(OSError):
                aw.aw_loop_add_signal_handler(loop, signal.SIGKILL, callback)
            self.assertEqual(sys.getrefcount(callback), held + 3)
            aw.aw_handle_cancel(cancelled)
            aw.aw_loop_dispatch(loop)
            self.assertEqual(sys.getrefcount(callback), held + 1)
        self.assertEqual(sys.getrefcount(callback), held)

    def test_descriptors_and_signals(self):
        with a_loop() as loop:
            ends, seen = os.pipe(), []
            aw.aw_loop_add_reader(loop, ends[0], lambda of: seen.append(os.read(ends[0], 10)))
            aw.aw_loop_add_signal_handler(loop, signal.SIGUSR1, lambda of: seen.append('signal'))
            os.write(ends[1], b'bytes')
            os.kill(os.getpid(), signal.SIGUSR1)
            while len(seen) < 2:
                aw.aw_loop_wait(loop, aw.FOREVER)
                aw.aw_loop_dispatch(loop)
            self.assertCountEqual(seen, [b'bytes', 'signal'])
            self.assertEqual(aw.aw_loop_remove_reader(loop, ends[0]), 1)
            self.assertEqual(aw.aw_loop_remove_reader(loop, ends[0]), 0)
            aw.aw_loop_remove_signal_handler(loop, signal.SIGUSR1)
            for end in ends:
                os.close(end)

    def test_a_priority_queue_compares_by_its_callable(self):
        with a_loop() as loop:
            queue = aw.aw_queue_new_priority(loop, 0, lambda a, b: a - b)
            for item in (3000000, 1, 2):
                aw.aw_queue_put_nowait(queue, item)
            self.assertEqual([aw.aw_queue_get_nowait(queue) for _ in range(3)], [1, 2, 3000000])
            aw.aw_queue_put_nowait(queue, 1)
            with self.assertRaises(TypeError):
                aw.aw_queue_put_nowait(queue, 'one')
            del queue

    def test_host_data_and_contexts_hold_the_object_itself(self):
        with a_loop() as loop:
            it = object()
            aw.aw_loop_set_host_data(loop, it)
            self.assertIs(aw.aw_loop_host_data(loop), it)
            self.assertIsNone(aw.aw_future_host_data(aw.aw_future_new(loop)))
        aw.aw_context_set('key', it)
        self.assertIs(aw.aw_context_get('k' + 'ey'), it)
        aw.aw_context_unset('key')
        with self.assertRaises(FileNotFoundError):
            aw.aw_context_get('key')
        with self.assertRaises(TypeError):
            aw.aw_context_get(5)


main()
