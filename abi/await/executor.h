/* SPDX-License-Identifier: MIT */
/**
 * @file executor.h
 * Threads beside the loop: blocking functions that run in a pool of threads, and other threads that submit
 * coroutines to a loop.
 *
 * Since 0.1.0, unless an entry says otherwise.
 */
#ifndef AWAIT_EXECUTOR_H
#define AWAIT_EXECUTOR_H

#include <await/base.h>
#include <await/coro.h>
#include <await/interrupt.h>
#include <await/task.h>
#include <stdarg.h>

AW_BEGIN_DECLS

typedef struct aw_executor aw_executor; /**< a pool of threads (concurrent.futures.ThreadPoolExecutor) */
/** The outcome of a task of a loop, for other threads (concurrent.futures.Future). */
typedef struct aw_concurrent_future aw_concurrent_future;

/**
 * A blocking function that runs on a thread of an executor. It may set a value, whose destroy runs on the
 * loop's thread. A negative status is a failure; aw_work_raise() attaches a message to it. The function
 * must not make a call that needs the loop's thread; aw_loop_current() is NULL in it.
 */
typedef aw_status (*aw_work_fn)(void *ud, void **out, aw_destroy_fn *out_destroy);

/**
 * @name Executors
 *
 * Any thread may call these functions. In a forked child they fail with ::AW_EFORKED.
 */
/**@{*/
/**
 * Creates an executor of up to `max_threads` threads; 0 means asyncio's default, min(32, processors + 4). A
 * thread is started when work arrives and no thread is idle. All signals are blocked in these threads,
 * except those of a fault.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * Thread: any.
 *
 * asyncio: concurrent.futures.ThreadPoolExecutor.
 */
AW_NODISCARD AW_API aw_status aw_executor_new(int32_t max_threads, aw_executor **out);
/**
 * Adds a reference and returns `executor`.
 *
 * Thread: any.
 */
AW_API aw_executor *aw_executor_ref(aw_executor *executor);
/**
 * Drops a reference and never blocks. After the last reference is dropped, queued work still runs, then the
 * threads end.
 *
 * Thread: any.
 */
AW_API void aw_executor_unref(aw_executor *executor);
/**
 * Refuses work from now on and lets the threads end once the queue is empty. With `cancel_pending` the
 * queued work is cancelled. Does not wait. Shutting an executor down again does nothing.
 *
 * Thread: any.
 *
 * asyncio: Executor.shutdown(wait=False).
 */
AW_API aw_status aw_executor_shutdown(aw_executor *executor, aw_bool cancel_pending);
/**
 * Shuts the executor down as aw_executor_shutdown() does, then blocks until every thread has ended, for at
 * most `timeout_ns` (negative or ::AW_FOREVER: no limit). Signals do not end the wait.
 *
 * Errors: ::AW_EPENDING if some threads still run, and the call can be repeated; -EDEADLK on a thread of
 * this executor.
 *
 * Thread: any.
 *
 * asyncio: Executor.shutdown(wait=True).
 */
AW_NODISCARD AW_API aw_status aw_executor_shutdown_wait(aw_executor *executor, int64_t timeout_ns);
/**
 * Shuts the executor down and blocks as aw_executor_shutdown_wait() does, but can be interrupted as
 * aw_concurrent_future_wait_interruptible() can. The call can be repeated.
 *
 * Errors: those of aw_executor_shutdown_wait(); -EINTR once `interrupt` (optional) is raised or a signal
 * handler has run on the calling thread.
 *
 * Thread: any.
 *
 * asyncio: Executor.shutdown(wait=True).
 */
AW_NODISCARD AW_API aw_status aw_executor_shutdown_wait_interruptible(aw_executor *executor,
                                                                      int64_t timeout_ns,
                                                                      aw_interrupt *interrupt);
/**
 * Returns the number of jobs that are queued and have not begun.
 *
 * Thread: any.
 */
AW_API size_t aw_executor_pending(const aw_executor *executor);
/**
 * Returns the current number of threads.
 *
 * Thread: any.
 */
AW_API int32_t aw_executor_threads(const aw_executor *executor);
/**
 * Returns the maximum number of threads.
 *
 * Thread: any.
 */
AW_API int32_t aw_executor_max_threads(const aw_executor *executor);
/**@}*/

/** @name Inside a work function */
/**@{*/
/**
 * Sets the message of the failure that the work function returns, and returns `code`. An errno without its
 * minus sign is taken as its negative.
 *
 * Errors: ::AW_EINVALIDSTATE outside a work function.
 *
 * Thread: the one that runs the work function.
 *
 * asyncio: `raise`.
 */
AW_NODISCARD AW_API aw_status aw_work_raise(aw_status code, const char *message);
/**
 * Sets the message as aw_work_raise() does, formatted as by printf().
 *
 * Errors: those of aw_work_raise().
 *
 * Thread: the one that runs the work function.
 *
 * asyncio: `raise`.
 */
AW_NODISCARD AW_PRINTF(2, 3) AW_API aw_status aw_work_raisef(aw_status code, const char *format, ...);
/**
 * Sets the message as aw_work_raisef() does, with the arguments as a va_list, for functions that wrap it.
 *
 * Errors: those of aw_work_raise().
 *
 * Thread: the one that runs the work function.
 *
 * asyncio: `raise`.
 */
AW_NODISCARD AW_PRINTF(2, 0) AW_API aw_status
	aw_work_vraisef(aw_status code, const char *format, va_list arguments);
/**
 * Raises an error object, created without a loop, as aw_work_raise() does, and adds its own reference to
 * it.
 *
 * Returns: the code of `error`.
 *
 * Errors: those of aw_work_raise().
 *
 * Thread: the one that runs the work function.
 *
 * asyncio: `raise error`.
 */
AW_NODISCARD AW_API aw_status aw_work_raise_error(aw_error *error);
/**@}*/

/** @name Blocking functions that are awaited */
/**@{*/
/**
 * Runs `fn` on `executor` (NULL: the loop's default executor, created now if necessary). The work is
 * submitted when the call returns. `destroy(ud)` runs on the loop's thread, after `fn`. A NULL `loop` means
 * the loop that runs.
 *
 * Returns: 0, and in `out` (optional) a new reference to a future of the outcome.
 *
 * Errors: ::AW_EINVALIDSTATE after a shutdown; -EAGAIN if no thread can be started; -ENOMEM.
 *
 * Cancellation: cancelling the future drops work that has not begun. Work that runs continues, and its
 * value is destroyed.
 *
 * asyncio: loop.run_in_executor.
 */
AW_API aw_status aw_loop_run_in_executor(aw_loop *loop, aw_executor *executor, aw_work_fn fn, void *ud,
                                         aw_destroy_fn destroy, aw_future **out);
/**
 * Runs `fn` on the default executor, in a copy of the calling task's context, and suspends the task until
 * `fn` ends. The value moves to `out` and its destroy to `out_destroy` (both optional; without `out` the
 * value is destroyed). Must be called in a stackful task.
 *
 * Cancellation: the task continues at once; the thread finishes its work.
 *
 * asyncio: to_thread.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_to_thread(aw_work_fn fn, void *ud, aw_destroy_fn destroy,
                                                       void **out, aw_destroy_fn *out_destroy);
/**
 * Creates a coroutine that runs `fn` as aw_to_thread() does. It does nothing until it is driven, and owns
 * the value.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * asyncio: to_thread.
 */
AW_NODISCARD AW_API aw_status aw_to_thread_coro(aw_loop *loop, aw_work_fn fn, void *ud, aw_destroy_fn destroy,
                                                aw_coro **out);
/**
 * Makes `executor` the loop's default one, adds its own reference to it, and drops the previous one.
 * Closing the loop shuts the default executor down without waiting.
 *
 * asyncio: loop.set_default_executor.
 */
AW_API aw_status aw_loop_set_default_executor(aw_loop *loop, aw_executor *executor);
/**
 * Shuts the default executor down. From now on aw_loop_run_in_executor() without an executor fails with
 * ::AW_EINVALIDSTATE. aw_run() calls this function at its end, with a limit of 300 seconds.
 *
 * Returns: 0, and in `out` a new reference to a future that is done when the threads have ended. It fails
 * with ::AW_EPENDING after `timeout_ns` (negative or ::AW_FOREVER: no limit).
 *
 * asyncio: loop.shutdown_default_executor.
 */
AW_NODISCARD AW_API aw_status aw_loop_shutdown_default_executor(aw_loop *loop, int64_t timeout_ns,
                                                                aw_future **out);
/**@}*/

/**
 * @name Coroutines submitted to a loop by other threads
 *
 * Any thread may call these functions.
 */
/**@{*/
/**
 * Runs `fn` as a task of `loop`, as aw_task_spawn() does, in a copy of the calling thread's context.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * Errors: ::AW_ELOOPCLOSED; ::AW_EFORKED; -ENOMEM.
 *
 * Thread: any.
 *
 * asyncio: run_coroutine_threadsafe.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_run_coroutine_threadsafe(aw_loop *loop, aw_task_fn fn, void *ud,
                                                                      aw_destroy_fn destroy,
                                                                      aw_concurrent_future **out);
/**
 * Runs a step function, such as aw_coro_new() takes, as aw_run_coroutine_threadsafe() runs a stackful one.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * Errors: those of aw_run_coroutine_threadsafe().
 *
 * Thread: any.
 *
 * asyncio: run_coroutine_threadsafe.
 */
AW_NODISCARD AW_API aw_status aw_run_step_threadsafe(aw_loop *loop, aw_step_fn fn, void *ud,
                                                     aw_destroy_fn destroy, aw_concurrent_future **out);
/**
 * Adds a reference and returns `future`.
 *
 * Thread: any.
 */
AW_API aw_concurrent_future *aw_concurrent_future_ref(aw_concurrent_future *future);
/**
 * Drops a reference. The task continues.
 *
 * Thread: any.
 */
AW_API void aw_concurrent_future_unref(aw_concurrent_future *future);
/**
 * Blocks until the future is done, for at most `timeout_ns` (negative or ::AW_FOREVER: no limit), and
 * retrieves the outcome as aw_concurrent_future_result() does. Signals do not end the wait.
 *
 * Errors: those of aw_concurrent_future_result(), among them ::AW_ETIMEOUT if the task failed with it;
 * ::AW_EPENDING once `timeout_ns` has passed, which leaves the future unchanged; -EDEADLK on the thread
 * that runs the loop.
 *
 * Thread: any.
 *
 * asyncio: concurrent.futures.Future.result(timeout).
 */
AW_NODISCARD AW_API aw_status aw_concurrent_future_wait(aw_concurrent_future *future, int64_t timeout_ns,
                                                        void **out);
/**
 * Blocks until the future is done, as aw_concurrent_future_wait() does, but can be interrupted. It returns
 * 0 whatever the outcome, which aw_concurrent_future_result() returns; a failure of the task thus cannot be
 * mistaken for one of the wait. If the future is done already, it returns 0 at once.
 *
 * The wait ends with -EINTR once `interrupt` (optional) is raised, and when a signal handler has run on the
 * calling thread, whether or not it was installed with SA_RESTART. A handler that runs just before the
 * thread blocks has no effect, as with every system call, unless it raises `interrupt`.
 *
 * Errors: ::AW_EPENDING once `timeout_ns` has passed; -EINTR; -EDEADLK on the thread that runs the loop;
 * -EBUSY if `interrupt` has a descriptor and another wait uses it; -EBADF if that descriptor is closed;
 * ::AW_EFORKED. None of these changes the future, and the call can be repeated.
 *
 * Thread: any.
 *
 * asyncio: concurrent.futures.Future.result(timeout).
 */
AW_NODISCARD AW_API aw_status aw_concurrent_future_wait_interruptible(aw_concurrent_future *future,
                                                                      int64_t timeout_ns,
                                                                      aw_interrupt *interrupt);
/**
 * Retrieves the outcome. On success `out` (optional) receives the value, borrowed from `future`.
 *
 * Returns: 0, or the code of the failure.
 *
 * Errors: those of the task; ::AW_ECANCELLED; ::AW_ELOOPCLOSED if the loop closed first; ::AW_EINVALIDSTATE
 * while the future is pending.
 *
 * Thread: any.
 *
 * asyncio: concurrent.futures.Future.result.
 */
AW_NODISCARD AW_API aw_status aw_concurrent_future_result(aw_concurrent_future *future, void **out);
/**
 * Returns the failure or cancellation, borrowed from `future`, or NULL.
 *
 * Thread: any.
 *
 * asyncio: concurrent.futures.Future.exception.
 */
AW_API aw_error *aw_concurrent_future_error(aw_concurrent_future *future);
/**
 * Cancels the future at once, and its task in the loop.
 *
 * Returns: 1, or 0 if the future was done.
 *
 * Thread: any.
 *
 * asyncio: concurrent.futures.Future.cancel.
 */
AW_API aw_status aw_concurrent_future_cancel(aw_concurrent_future *future);
/**
 * Returns 1 if the future is done, else 0.
 *
 * Thread: any.
 *
 * asyncio: concurrent.futures.Future.done.
 */
AW_API aw_bool aw_concurrent_future_done(aw_concurrent_future *future);
/**
 * Returns 1 if the future was cancelled, else 0.
 *
 * Thread: any.
 *
 * asyncio: concurrent.futures.Future.cancelled.
 */
AW_API aw_bool aw_concurrent_future_cancelled(aw_concurrent_future *future);
/**@}*/

/**
 * Creates a future of `loop` (NULL: the loop that runs) that follows `future`, so that a task can await
 * what runs in a loop of another thread. Its value is borrowed from `future`, which it keeps alive, and is
 * an ::AW_VALUE_INTEGER if the original value is one, else an ::AW_VALUE_POINTER. If `future` is done
 * already, the new future is done in the next iteration.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * Errors: ::AW_EBADHANDLE; ::AW_EFORKED; ::AW_ELOOPCLOSED; -EINVAL; -ENOMEM.
 *
 * Thread: the one that drives `loop`.
 *
 * Cancellation: cancelling the new future cancels `future`.
 *
 * asyncio: wrap_future.
 */
AW_NODISCARD AW_API aw_status aw_wrap_future(aw_loop *loop, aw_concurrent_future *future, aw_future **out);

AW_END_DECLS

#endif
