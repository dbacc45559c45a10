/* SPDX-License-Identifier: MIT */
/*
 * The public functions that no host language gets, each with its reason. A test reads this file: a function
 * of the headers is either wrapped or stands here. `_ref` and `_unref` are left out by HANDLE.
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
%ignore aw_taskgroup_exit;
%ignore aw_run_coroutine_threadsafe;
%ignore aw_iterator_new;
%ignore aw_iterator_next;
%ignore aw_with;
%ignore aw_task_spawn_named;
%ignore aw_task_spawn_future;
%ignore aw_await_take;
%ignore aw_await_int;
%ignore aw_await_take_int;
%ignore aw_await_shielded;
%ignore aw_return_int;
%ignore aw_raisef;
%ignore aw_vraisef;
%ignore aw_gather_map;
%ignore aw_gather_each;
%ignore aw_gather_run;
%ignore aw_gather_run_each;
%ignore aw_timeout_run;
%ignore aw_wait_for_shielded;
%ignore aw_condition_acquire;
%ignore aw_condition_wait_for;
%ignore aw_subprocess_run;
%ignore aw_subprocess_run_shell;
%ignore aw_sock_recv;
%ignore aw_sock_recvfrom;
%ignore aw_sock_sendall;
%ignore aw_sock_sendto;
%ignore aw_sock_accept;
%ignore aw_sock_connect;

/* Values are the language's own, and so are its integers. */
%ignore aw_future_set_result_int;
%ignore aw_future_result_int;
%ignore aw_results_get_int;

/* The language formats for itself. */
%ignore aw_future_failf;
%ignore aw_future_vfailf;
%ignore aw_work_raisef;
%ignore aw_work_vraisef;

/*
 * Here a predicate is awaited in a loop over aw_condition_wait_coro(), a child run by its own call, and a
 * payload is the language's object.
 */
%ignore aw_condition_wait_for_coro;
%ignore aw_subprocess_run_future;
%ignore aw_subprocess_run_shell_future;
%ignore aw_loop_call_soon_threadsafe_copy;

/*
 * They wait and dispatch in one call, in which the host's lock can't be let go. The language's helper does
 * both in turn.
 */
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

/*
 * Work runs on threads of libawait's own, which a host's VM does not know. A thread of the host's does the
 * same, and ends with aw_loop_call_soon_threadsafe().
 */
%ignore aw_loop_run_in_executor;
%ignore aw_to_thread;
%ignore aw_to_thread_coro;
%ignore aw_work_raise;
%ignore aw_work_raise_error;

/*
 * What interrupts a thread of the host's, ends its waits: aw_concurrent_future_wait() and aw_executor_shutdown_wait()
 * are made of these.
 */
%ignore aw_interrupt_new;
%ignore aw_interrupt_ref;
%ignore aw_interrupt_unref;
%ignore aw_interrupt_raise;
%ignore aw_interrupt_clear;
%ignore aw_interrupt_is_raised;
%ignore aw_concurrent_future_wait_interruptible;
%ignore aw_executor_shutdown_wait_interruptible;
/* It frees what stale handles are told by, while a collector of the host's may still run finalisers. */
%ignore aw_debug_free_caches;

/* A host language has sockets and names of its own, which wait through the loop by its readers or scheduler. */
%ignore aw_sock_recv_coro;
%ignore aw_sock_recvfrom_coro;
%ignore aw_sock_sendall_coro;
%ignore aw_sock_sendto_coro;
%ignore aw_sock_accept_coro;
%ignore aw_sock_connect_coro;
%ignore aw_getaddrinfo;
%ignore aw_addrinfo_count;
%ignore aw_addrinfo_family;
%ignore aw_addrinfo_type;
%ignore aw_addrinfo_protocol;
%ignore aw_addrinfo_address;
%ignore aw_addrinfo_canonname;
%ignore aw_getnameinfo;
%ignore aw_nameinfo_host;
%ignore aw_nameinfo_service;
%ignore aw_addrinfo_ref;
%ignore aw_addrinfo_unref;
%ignore aw_nameinfo_ref;
%ignore aw_nameinfo_unref;

/* The handler is the language's own callable. */
%ignore aw_loop_get_exception_handler;
