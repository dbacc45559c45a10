/* SPDX-License-Identifier: MIT */
/**
 * @file executor.h
 * Threads beside the loop: blocking functions run in a pool of threads, and other threads that hand
 * coroutines to a loop.
 */
#ifndef AWAIT_EXECUTOR_H
#define AWAIT_EXECUTOR_H

#include <await/base.h>
#include <await/coro.h>
#include <await/interrupt.h>
#include <await/task.h>
#include <stdarg.h>

AW_BEGIN_DECLS

typedef struct aw_executor aw_executor; /**< a pool of threads (ThreadPoolExecutor) */
typedef struct aw_concurrent_future
	aw_concurrent_future; /**< the outcome of something that runs in a loop, for other threads (concurrent Future) */

/**
 * A blocking function, run on a thread of an executor. It may set a value, whose destroy runs on the loop's
 * thread. A negative status is failure; aw_work_raise() gives it a message. No call that needs the loop's
 * thread may be made in it; aw_loop_current() is NULL.
 */
typedef aw_status (*aw_work_fn)(void *ud, void **out, aw_destroy_fn *out_destroy);

/** @name Executors. All of these: any thread. In a forked child they answer ::AW_EFORKED. */
/**@{*/
/**
 * Makes an executor of up to `max_threads` threads; 0 stands for asyncio's min(32, processors + 4). A thread
 * is started when work arrives and none is idle. All signals but those of a fault are blocked in them. New
 * reference. concurrent.futures.ThreadPoolExecutor.
 */
AW_NODISCARD AW_API aw_status aw_executor_new(int32_t max_threads, aw_executor **out);
/** Takes one more reference and returns `executor`. */
AW_API aw_executor *aw_executor_ref(aw_executor *executor);
/**
 * Gives one reference back. After the last one, what is queued still runs, then the threads end. Never
 * blocks.
 */
AW_API void aw_executor_unref(aw_executor *executor);
/**
 * Refuses work from now on, and lets the threads end once the queue is empty. With `cancel_pending` what is
 * queued is cancelled. Does not wait. Idempotent. Executor.shutdown(wait=False).
 */
AW_API aw_status aw_executor_shutdown(aw_executor *executor, aw_bool cancel_pending);
/**
 * aw_executor_shutdown(), then blocks until every thread has ended, `timeout_ns` at most (negative or
 * ::AW_FOREVER: no limit). ::AW_EPENDING: some go on, and it can be called again. -EDEADLK on a thread of
 * this executor. Signals do not end the wait. Executor.shutdown(wait=True).
 */
AW_NODISCARD AW_API aw_status aw_executor_shutdown_wait(aw_executor *executor, int64_t timeout_ns);
/**
 * aw_executor_shutdown_wait() that also ends early, as aw_concurrent_future_wait_interruptible() does: with -EINTR once
 * `interrupt` (optional) is raised or a signal handler has run on the calling thread. It can be called again.
 * Executor.shutdown(wait=True).
 */
AW_NODISCARD AW_API aw_status aw_executor_shutdown_wait_interruptible(aw_executor *executor,
                                                                      int64_t timeout_ns,
                                                                      aw_interrupt *interrupt);
/** How many jobs are queued and not begun. */
AW_API size_t aw_executor_pending(const aw_executor *executor);
/** How many threads there are now. */
AW_API int32_t aw_executor_threads(const aw_executor *executor);
/** How many threads there may be. */
AW_API int32_t aw_executor_max_threads(const aw_executor *executor);
/**@}*/

/** @name Inside a work function */
/**@{*/
/**
 * Sets the message of the failure that the function returns. Returns `code`; an errno without its minus is
 * taken as its negative. ::AW_EINVALIDSTATE outside one. Python: raise.
 */
AW_NODISCARD AW_API aw_status aw_work_raise(aw_status code, const char *message);
/** As aw_work_raise(), with a message formatted as by printf(). Python: raise. */
AW_NODISCARD AW_PRINTF(2, 3) AW_API aw_status aw_work_raisef(aw_status code, const char *format, ...);
/** aw_work_raisef() with its arguments as a va_list, for functions that wrap it. Python: raise. */
AW_NODISCARD AW_PRINTF(2, 0) AW_API aw_status
	aw_work_vraisef(aw_status code, const char *format, va_list arguments);
/**
 * As aw_work_raise(), with an error object made without a loop (takes its own reference). Returns its code.
 */
AW_NODISCARD AW_API aw_status aw_work_raise_error(aw_error *error);
/**@}*/

/** @name Blocking functions, awaited */
/**@{*/
/**
 * Has `fn` run on `executor` (NULL: the loop's default one, made now if need be) and gives a future for its
 * outcome in `out` (optional, new reference). It is on its way when the call returns. Cancelling the future
 * drops work not begun; work under way goes on, and its value is destroyed. `destroy(ud)` runs on the loop's
 * thread, after `fn`. `loop` NULL means the one that runs. Errors: ::AW_EINVALIDSTATE after a shutdown,
 * -EAGAIN where no thread can be started, -ENOMEM. asyncio: loop.run_in_executor.
 */
AW_API aw_status aw_loop_run_in_executor(aw_loop *loop, aw_executor *executor, aw_work_fn fn, void *ud,
                                         aw_destroy_fn destroy, aw_future **out);
/**
 * Runs `fn` on the default executor, in a copy of the calling task's context, and suspends the task until it
 * ends. The value moves to `out`, its destroy to `out_destroy` (both optional; without `out` the value is
 * destroyed). A task that is cancelled here goes on at once; the thread ends its work. Stackful tasks only.
 * asyncio.to_thread.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_to_thread(aw_work_fn fn, void *ud, aw_destroy_fn destroy,
                                                       void **out, aw_destroy_fn *out_destroy);
/**
 * aw_to_thread() as a coroutine: does nothing until it is driven, and owns the value. New reference.
 * asyncio.to_thread.
 */
AW_NODISCARD AW_API aw_status aw_to_thread_coro(aw_loop *loop, aw_work_fn fn, void *ud, aw_destroy_fn destroy,
                                                aw_coro **out);
/**
 * Makes `executor` the loop's default one (it takes its own reference). The one before is let go of. Closing
 * the loop shuts the default executor down without waiting. asyncio: loop.set_default_executor.
 */
AW_API aw_status aw_loop_set_default_executor(aw_loop *loop, aw_executor *executor);
/**
 * Shuts the default executor down; `out` (new reference) is done when its threads have ended, or fails with
 * ::AW_EPENDING after `timeout_ns` (negative or ::AW_FOREVER: no limit). From now on
 * aw_loop_run_in_executor() without an executor is refused with ::AW_EINVALIDSTATE. aw_run() does this at its
 * end, with a limit of 300 seconds. asyncio: loop.shutdown_default_executor.
 */
AW_NODISCARD AW_API aw_status aw_loop_shutdown_default_executor(aw_loop *loop, int64_t timeout_ns,
                                                                aw_future **out);
/**@}*/

/** @name Coroutines handed to a loop by other threads. All of these: any thread. */
/**@{*/
/**
 * Has `fn` run as a task of `loop`, as aw_task_spawn() does, in a copy of the calling thread's context. New
 * reference.
 * Errors: ::AW_ELOOPCLOSED, ::AW_EFORKED, -ENOMEM. asyncio.run_coroutine_threadsafe.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_run_coroutine_threadsafe(aw_loop *loop, aw_task_fn fn, void *ud,
                                                                      aw_destroy_fn destroy,
                                                                      aw_concurrent_future **out);
/**
 * As aw_run_coroutine_threadsafe(), for a coroutine of steps: what aw_coro_new() takes.
 * asyncio.run_coroutine_threadsafe.
 */
AW_NODISCARD AW_API aw_status aw_run_step_threadsafe(aw_loop *loop, aw_step_fn fn, void *ud,
                                                     aw_destroy_fn destroy, aw_concurrent_future **out);
/** Takes one more reference and returns `future`. */
AW_API aw_concurrent_future *aw_concurrent_future_ref(aw_concurrent_future *future);
/** Gives one reference back; the task goes on. */
AW_API void aw_concurrent_future_unref(aw_concurrent_future *future);
/**
 * Blocks until it is done, `timeout_ns` at most (negative or ::AW_FOREVER: no limit), and returns the outcome
 * as aw_concurrent_future_result(). ::AW_EPENDING once that time has passed, which leaves it as it is; ::AW_ETIMEOUT is
 * a failure of the task. -EDEADLK on the thread that runs the loop. Signals do not end the wait.
 * Future.result(timeout).
 */
AW_NODISCARD AW_API aw_status aw_concurrent_future_wait(aw_concurrent_future *future, int64_t timeout_ns,
                                                        void **out);
/**
 * Blocks until it is done, as aw_concurrent_future_wait(), but can be interrupted, and returns 0 whatever the outcome,
 * which aw_concurrent_future_result() gives: so no failure of the task is taken for one of the wait. Where it is done
 * already, it returns 0 at once.
 *
 * Ends with -EINTR once `interrupt` (optional) is raised, and when a signal handler has run on the calling
 * thread, whatever its SA_RESTART says. A handler that runs just before the thread blocks goes unnoticed, as
 * with every system call, unless it raises `interrupt`.
 *
 * Errors: ::AW_EPENDING once `timeout_ns` has passed; -EINTR; -EDEADLK on the thread that runs the loop;
 * -EBUSY where `interrupt` has a descriptor and another wait uses it, -EBADF where that descriptor is closed;
 * ::AW_EFORKED. None of these changes what is waited for, and the call can be repeated. Thread: any.
 * Future.result(timeout).
 */
AW_NODISCARD AW_API aw_status aw_concurrent_future_wait_interruptible(aw_concurrent_future *future,
                                                                      int64_t timeout_ns,
                                                                      aw_interrupt *interrupt);
/**
 * The outcome: 0 and the value in `out` (optional, borrowed from `future`); the failure's code;
 * ::AW_ECANCELLED; ::AW_ELOOPCLOSED if the loop closed first; ::AW_EINVALIDSTATE while it is pending.
 */
AW_NODISCARD AW_API aw_status aw_concurrent_future_result(aw_concurrent_future *future, void **out);
/** The failure or cancellation, borrowed from `future`, or NULL. Future.exception. */
AW_API aw_error *aw_concurrent_future_error(aw_concurrent_future *future);
/** Cancels it, now, and its task, in the loop. Returns 1, or 0 if it was done. Future.cancel. */
AW_API aw_status aw_concurrent_future_cancel(aw_concurrent_future *future);
/** Future.done. */
AW_API aw_bool aw_concurrent_future_done(aw_concurrent_future *future);
/** Future.cancelled. */
AW_API aw_bool aw_concurrent_future_cancelled(aw_concurrent_future *future);
/**@}*/

/**
 * A future of `loop` (NULL: the one that runs) that follows `future`, so that a task can await what runs in
 * a loop of another thread. Its value is borrowed from `future`, which it keeps alive; it is an
 * ::AW_VALUE_INTEGER where the value is one, else an ::AW_VALUE_POINTER. Cancelling it cancels `future`.
 * Where `future` is done already, it is done in the next iteration.
 *
 * Returns: 0, and a new reference in `out`. Errors: ::AW_EBADHANDLE, ::AW_EFORKED, ::AW_ELOOPCLOSED, -EINVAL,
 * -ENOMEM.
 * Thread: the one that drives `loop`. asyncio: wrap_future.
 */
AW_NODISCARD AW_API aw_status aw_wrap_future(aw_loop *loop, aw_concurrent_future *future, aw_future **out);

AW_END_DECLS

#endif
