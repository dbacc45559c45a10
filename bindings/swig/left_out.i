/* SPDX-License-Identifier: MIT */
/*
 * The public functions that no host language gets, each with its reason. A test reads this file: a function of the headers is
 * either wrapped or stands here. `_ref` and `_unref` are left out by HANDLE.
 */

/* Stackful tasks: host code never runs on a coroutine's stack. The `_coro` twin, or a step, does the same. */
%ignore aw_task_spawn;
%ignore aw_task_spawn_eager;
%ignore aw_taskgroup_spawn;
%ignore aw_run;
%ignore aw_run_error;
%ignore aw_main;
%ignore aw_runner_run;
%ignore aw_await;
%ignore aw_await_coro;
%ignore aw_sleep;
%ignore aw_return;
%ignore aw_raise;
%ignore aw_raise_error;
%ignore aw_caught;
%ignore aw_caught_clear;
%ignore aw_wait;
%ignore aw_wait_for;
%ignore aw_as_completed_next;
%ignore aw_queue_put;
%ignore aw_queue_get;
%ignore aw_queue_join;
%ignore aw_lock_acquire;
%ignore aw_event_wait;
%ignore aw_condition_wait;
%ignore aw_semaphore_acquire;
%ignore aw_barrier_wait;
%ignore aw_barrier_reset;
%ignore aw_barrier_abort;
%ignore aw_taskgroup_end;
%ignore aw_submit_threadsafe;
%ignore aw_iterator_new;
%ignore aw_iterator_next;
%ignore aw_with;

/* They wait and dispatch in one call, in which the host's lock can't be let go. The language's helper does both in turn. */
%ignore aw_loop_run_forever;
%ignore aw_loop_run_until_complete;
%ignore aw_loop_run_once;
%ignore aw_loop_cancel_all;
%ignore aw_runner_run_coro;
%ignore aw_runner_close;

/* A runner that can't run is of no use; the language's own `run` takes its place. */
%ignore aw_runner_new;
%ignore aw_runner_loop;
%ignore aw_runner_error;

/* Work runs on threads of libawait's own, which a host's VM does not know. A thread of the host's does the same, and ends with
 * aw_loop_call_soon_threadsafe(). */
%ignore aw_loop_run_in_executor;
%ignore aw_to_thread;
%ignore aw_to_thread_coro;
%ignore aw_work_raise;
%ignore aw_work_raise_error;

/* What interrupts a thread of the host's, ends its waits: aw_cfuture_wait() and aw_executor_shutdown_wait() are made of these. */
%ignore aw_interrupt_new;
%ignore aw_interrupt_ref;
%ignore aw_interrupt_unref;
%ignore aw_interrupt_raise;
%ignore aw_interrupt_clear;
%ignore aw_interrupt_is_raised;
%ignore aw_cfuture_wait_interruptible;
%ignore aw_executor_shutdown_wait_interruptible;
