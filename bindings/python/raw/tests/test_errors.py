# SPDX-License-Identifier: MIT
"""Statuses are raised as exceptions, and exceptions pass through C unchanged."""
import gc
import traceback
import weakref

from check import Case, a_loop, aw, coroutine, main, run, spawn


class Own(Exception):
    pass


def raises(exception):
    def callback(*_):
        raise exception
    return callback


class Errors(Case):
    def test_the_system_s_are_oserrors_and_libawait_s_have_a_code(self):
        with a_loop() as loop:
            with self.assertRaises(FileNotFoundError):
                aw.aw_subprocess_exec(loop, ['/no/such/program'], None)
            with self.assertRaises(aw.Error) as caught:
                aw.aw_queue_get_nowait(aw.aw_queue_new(loop, 0))
            self.assertEqual(caught.exception.code, aw.AW_EQUEUEEMPTY)
            self.assertEqual(str(caught.exception), aw.aw_strerror(aw.AW_EQUEUEEMPTY))
            future = aw.aw_future_new(loop)
            aw.aw_future_fail(future, aw.AW_ETIMEOUT, 'too late')
            with self.assertRaisesRegex(TimeoutError, 'too late'):
                aw.aw_future_result(future)
            with self.assertRaises(aw.Error):
                aw.aw_future_result(future)
            future = aw.aw_future_new(loop)
            aw.aw_future_cancel(future, 'why')
            with self.assertRaisesRegex(aw.Cancelled, 'why'):
                aw.aw_future_result(future)
            self.assertFalse(issubclass(aw.Cancelled, Exception))

    def test_wrong_arguments(self):
        with a_loop() as loop:
            for call in (lambda: aw.aw_loop_new(5), lambda: aw.aw_loop_new('a\0b'), lambda: aw.aw_future_result(loop),
                         lambda: aw.aw_gather(loop, [loop], 0), lambda: aw.aw_gather(loop, 5, 0),
                         lambda: aw.aw_loop_close('loop'), lambda: aw.aw_subprocess_exec(loop, 'ls', None),
                         lambda: aw.aw_loop_call_later(loop, 'soon', print)):
                with self.assertRaises((TypeError, ValueError)):
                    call()
            with self.assertRaises(aw.Error) as caught:
                aw.aw_loop_close(None)
            self.assertEqual(caught.exception.code, aw.AW_EBADHANDLE)

    def test_what_a_callback_raises_comes_out_of_dispatch(self):
        with a_loop() as loop:
            seen = []
            for exception in (Own('own'), KeyboardInterrupt(), SystemExit(3)):
                aw.aw_loop_call_soon(loop, raises(exception))
                aw.aw_loop_call_soon(loop, seen.append)
                try:
                    aw.aw_loop_dispatch(loop)
                except type(exception) as caught:
                    self.assertIs(caught, exception)
                    frames = [frame.f_code.co_name for frame, _ in traceback.walk_tb(caught.__traceback__)]
                    self.assertEqual(frames[-1], 'callback')
                else:
                    self.fail('nothing raised')
                aw.aw_loop_dispatch(loop)
            self.assertEqual(len(seen), 3)

    def test_with_a_handler_of_python_s_it_goes_there(self):
        with a_loop() as loop:
            seen = []
            aw.aw_loop_set_exception_handler(
                loop, lambda of, report: seen.append((aw.aw_report_message(report), aw.exception_of(aw.aw_report_error(report)), report)))
            exception = Own('told')
            aw.aw_loop_call_soon(loop, raises(exception))
            future = aw.aw_future_new(loop)
            aw.aw_future_set_result(future, None)
            aw.aw_future_add_done_callback(future, raises(exception))
            aw.aw_loop_dispatch(loop)
            self.assertEqual([one[:2] for one in seen], [('Exception in callback', exception)] * 2)
            with self.assertRaises(TypeError):
                aw.aw_report_message()
            self.assertIsNone(aw.aw_report_message(seen[0][2]))  # it was valid during the call
            aw.aw_loop_call_soon(loop, raises(KeyboardInterrupt()))
            with self.assertRaises(KeyboardInterrupt):
                aw.aw_loop_dispatch(loop)
            aw.aw_loop_set_exception_handler(loop, raises(Own('in the handler')))
            aw.aw_loop_call_soon(loop, raises(exception))
            with self.assertRaisesRegex(Own, 'in the handler'):
                aw.aw_loop_dispatch(loop)
            aw.aw_loop_set_exception_handler(loop, None)
            seen.clear()

    def test_an_exception_goes_through_tasks_as_itself(self):
        with a_loop() as loop:
            exception = Own('deep')

            def fails():
                yield
                raise exception

            def passes_on():
                yield coroutine(loop, fails())
            inner = spawn(loop, passes_on())
            all_of_them = aw.aw_gather(loop, [aw.aw_shield(inner)], 0)
            with self.assertRaises(Own) as caught:
                run(loop, all_of_them)
            self.assertIs(caught.exception, exception)
            self.assertIs(aw.exception_of(aw.aw_future_error(inner)), exception)
            self.assertEqual(aw.aw_error_status(aw.aw_future_error(inner)), aw.AW_EHOST)
            self.assertIs(aw.exception_of(aw.failure_of(exception)), exception)
            self.assertEqual(aw.aw_error_status(aw.failure_of(OSError(28, 'full'))), -28)
            with self.assertRaises(TypeError):
                aw.failure_of('text')
            exception.__traceback__ = None

    def test_a_task_that_exits_leaves_the_loop(self):
        with a_loop() as loop:
            def leaves():
                yield
                raise SystemExit(4)
            task = spawn(loop, leaves())
            with self.assertRaises(SystemExit):
                run(loop, task)
            self.assertTrue(aw.aw_future_done(task))

    def test_groups_are_exception_groups(self):
        with a_loop() as loop:
            def group():
                members = aw.aw_taskgroup_new(loop)
                aw.aw_taskgroup_enter(members)
                for text in ('one', 'two'):
                    aw.aw_taskgroup_spawn_coro(members, coroutine(loop, raise_later(text)))
                yield aw.aw_taskgroup_exit_coro(members, 0, None)

            def raise_later(text):
                yield
                raise Own(text)
            with self.assertRaises(ExceptionGroup) as caught:
                run(loop, spawn(loop, group()))
            self.assertEqual([str(part) for part in caught.exception.exceptions], ['one', 'two'])
            self.assertTrue(all(type(part) is Own for part in caught.exception.exceptions))
            del caught

    def test_an_iterator_s_callable_that_raises(self):
        with a_loop() as loop:
            iterator = aw.aw_iterator_new_coro(loop, raises(Own('no next')))
            with self.assertRaisesRegex(Own, 'no next'):
                aw.aw_iterator_next_future(iterator)
            iterator = aw.aw_iterator_new_coro(loop, lambda: 5)
            with self.assertRaises(TypeError):
                aw.aw_iterator_next_future(iterator)

    def test_an_exception_is_released_with_its_failure(self):
        with a_loop() as loop:
            exception = Own('weak')
            weak = weakref.ref(exception)
            failure = aw.failure_of(exception)
            future = aw.aw_future_new(loop)
            aw.aw_future_set_error(future, failure)
            del exception, failure
            gc.collect()
            self.assertIsNotNone(weak())
            try:
                aw.aw_future_result(future)
            except Own:
                pass
            del future
            aw.aw_loop_dispatch(loop)
            gc.collect()
            self.assertIsNone(weak())


main()
