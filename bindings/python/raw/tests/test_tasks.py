# SPDX-License-Identifier: MIT
"""Step coroutines, and what they can await."""
from check import Case, a_loop, aw, coroutine, main, run, spawn


class Tasks(Case):
    def test_values_go_in_and_out(self):
        with a_loop('virtual') as loop:
            def inner():
                slept = yield aw.aw_sleep_coro(loop, aw.SECOND, 'slept')
                return slept

            def outer():
                future = aw.aw_future_new(loop)
                aw.aw_loop_call_soon(loop, lambda of: aw.aw_future_set_result(future, [1]))
                both = [(yield future), (yield coroutine(loop, inner()))]
                yield
                return both
            task = spawn(loop, outer())
            self.assertEqual(run(loop, task), [[1], 'slept'])
            self.assertEqual(aw.aw_future_result(aw.aw_task_future(task)), [[1], 'slept'])

    def test_a_cancellation_is_raised_and_can_be_handled(self):
        with a_loop('virtual') as loop:
            seen = []

            def sleeper(handles):
                try:
                    yield aw.aw_sleep_coro(loop, aw.SECOND, None)
                except aw.Cancelled as why:
                    seen.append(str(why))
                    if not handles:
                        raise
                    aw.aw_task_uncancel(aw.aw_task_current())
                return 'handled'
            for handles in (True, False):
                task = spawn(loop, sleeper(handles))
                aw.aw_loop_dispatch(loop)
                self.assertEqual(aw.aw_task_cancel(task, 'enough'), 1)
                if handles:
                    self.assertEqual(run(loop, task), 'handled')
                else:
                    with self.assertRaises(aw.Cancelled):
                        run(loop, task)
                self.assertIs(aw.aw_future_cancelled(task), not handles)
            self.assertEqual(seen, ['enough', 'enough'])

    def test_time_outs_locks_queues_and_barriers(self):
        with a_loop('virtual') as loop:
            def body():
                try:
                    yield aw.aw_wait_for_coro(aw.aw_future_new(loop), aw.SECOND)
                except TimeoutError:
                    seen.append('late')
                lock = aw.aw_lock_new(loop)
                yield aw.aw_lock_acquire_coro(lock)
                self.assertTrue(aw.aw_lock_locked(lock))
                queue = aw.aw_queue_new(loop, 1)
                yield aw.aw_queue_put_coro(queue, 'item')
                seen.append((yield aw.aw_queue_get_coro(queue)))
                barrier = aw.aw_barrier_new(loop, 1)
                seen.append((yield aw.aw_barrier_wait_coro(barrier)))
                scope = aw.aw_timeout_new(loop, aw.SECOND)
                aw.aw_timeout_enter(scope)
                seen.append(aw.aw_timeout_exit(scope, 0))
            seen = []
            run(loop, spawn(loop, body()))
            self.assertEqual(seen, ['late', 'item', 0, 0])

    def test_kinds_of_values(self):
        with a_loop() as loop:
            def results():
                one, two = (aw.aw_future_new(loop) for _ in range(2))
                aw.aw_future_set_result(one, 70000)
                both = yield aw.aw_wait_coro(loop, [one, two], aw.AW_FIRST_COMPLETED, aw.FOREVER)
                self.assertIsInstance(both, aw.Results)
                self.assertEqual(aw.aw_results_count(both), 2)
                self.assertEqual(aw.aw_results_get(both, 0), 70000)
                with self.assertRaises(aw.Error):
                    aw.aw_results_get(both, 1)
                aw.aw_future_set_result(two, 'two')
                iterator = aw.aw_as_completed_new(loop, [one, two], aw.FOREVER)
                first = yield aw.aw_as_completed_next_coro(iterator)
                self.assertEqual(first, one)
                process = aw.aw_subprocess_shell(loop, 'exit 7', None)
                self.assertEqual((yield aw.aw_process_wait(process)), 7)
                self.assertEqual(aw.aw_process_returncode(process), 7)
            run(loop, spawn(loop, results()))

    def test_processes(self):
        with a_loop() as loop:
            options = aw.aw_process_options_new()
            for stream in (0, 1):
                aw.aw_process_options_set_stdio(options, stream, aw.AW_STDIO_PIPE, -1)
            aw.aw_process_options_set_env(options, ['A=b', b'B=c\xff'])
            process = aw.aw_subprocess_exec(loop, ['sh', '-c', 'cat; printf $A$B'], options)
            ended = aw.aw_process_communicate(process, bytearray(b'in '))
            self.assertEqual(run(loop, ended), 0)
            self.assertEqual(aw.aw_process_output(process, 1), b'in bc\xff')

    def test_iterators(self):
        with a_loop('virtual') as loop:
            numbers = iter(range(3))

            def item():
                yield aw.aw_sleep_coro(loop, 1, None)
                return next(numbers, 'end')
            iterator = aw.aw_iterator_new_coro(loop, lambda: coroutine(loop, item()))
            self.assertEqual([run(loop, aw.aw_iterator_next_future(iterator)) for _ in range(4)], [0, 1, 2, 'end'])

    def test_all_tasks_and_names(self):
        with a_loop() as loop:
            def waits():
                yield aw.aw_future_new(loop)
            tasks = [spawn(loop, waits()) for _ in range(3)]
            aw.aw_task_set_name(tasks[0], 'némo')
            self.assertEqual(aw.aw_task_name(tasks[0]), 'némo')
            self.assertEqual(aw.aw_loop_all_tasks(loop), tasks)
            self.assertIsNone(aw.aw_task_current())
            self.assertEqual(aw.aw_future_task(aw.aw_task_future(tasks[1])), tasks[1])
            self.assertEqual(len({*tasks, *aw.aw_loop_all_tasks(loop)}), 3)

    def test_a_resume_is_the_step_s_alone(self):
        with a_loop() as loop:
            kept = []

            def step(resume):
                kept.append(resume)
                return aw.aw_resume_return(resume, 'ended')
            task = aw.aw_task_spawn_coro(loop, aw.aw_coro_new(loop, step))
            self.assertEqual(run(loop, task), 'ended')
            self.assertEqual(aw.aw_resume_status(kept[0]), aw.AW_EBADHANDLE)
            self.assertIsNone(aw.aw_resume_value(kept[0]))
            with self.assertRaises(aw.Error):
                aw.aw_resume_return(kept[0], 'again')


main()
