/* SPDX-License-Identifier: MIT */
/**
 * @file task.h
 * Tasks: futures that drive a coroutine; and the calls that a stackful coroutine makes while it runs in
 * one.
 *
 * Since 0.1.0, unless an entry says otherwise.
 */
#ifndef AWAIT_TASK_H
#define AWAIT_TASK_H

#include <await/base.h>
#include <stdarg.h>

AW_BEGIN_DECLS

/**
 * The body of a stackful coroutine: ordinary C on its own stack, in which aw_await() looks like a blocking
 * call. A negative status fails the task; use aw_return() to return a value and aw_raise() to attach a
 * message. A positive status is a success, as 0 is; debug mode reports it, since it may be an errno that
 * lacks its minus sign.
 */
typedef aw_status (*aw_task_fn)(void *ud);

/**
 * @name Creating tasks
 *
 * A NULL `loop` means the loop that runs. `out` is optional and receives a new reference.
 */
/**@{*/
/**
 * Creates a task that runs `fn` as a stackful coroutine and schedules it to start in the next iteration.
 * The loop owns the task: dropping the handle detaches the task and never stops it.
 *
 * Returns: 0, and a new reference in `out` (optional).
 *
 * Errors: ::AW_ENOLOOP; ::AW_ELOOPCLOSED; -ENOMEM.
 *
 * asyncio: create_task.
 */
AW_STACKFUL AW_API aw_status aw_task_spawn(aw_loop *loop, aw_task_fn fn, void *ud, aw_destroy_fn destroy,
                                           aw_task **out);
/**
 * Creates a task that drives a coroutine object, to which it adds its own reference.
 *
 * Returns: 0, and a new reference in `out` (optional).
 *
 * Errors: those of aw_task_spawn(); ::AW_EREUSED if the coroutine has run; ::AW_EFOREIGNLOOP if it
 * belongs to another loop.
 *
 * asyncio: loop.create_task.
 */
AW_API aw_status aw_task_spawn_coro(aw_loop *loop, aw_coro *coro, aw_task **out);
/**
 * Creates a task as aw_task_spawn() does, but runs its first step before the call returns, if the loop
 * runs. A body that never suspends yields a task that is done and was never scheduled. Its done-callbacks
 * still pass through the ready queue.
 *
 * Returns: 0, and a new reference in `out` (optional).
 *
 * Errors: those of aw_task_spawn().
 *
 * asyncio: eager_task_factory.
 */
AW_STACKFUL AW_API aw_status aw_task_spawn_eager(aw_loop *loop, aw_task_fn fn, void *ud,
                                                 aw_destroy_fn destroy, aw_task **out);
/**
 * Creates a task as aw_task_spawn_coro() does, but runs its first step before the call returns, as
 * aw_task_spawn_eager() does.
 *
 * Returns: 0, and a new reference in `out` (optional).
 *
 * Errors: those of aw_task_spawn_coro().
 *
 * asyncio: create_task(coro, eager_start=True).
 */
AW_API aw_status aw_task_spawn_coro_eager(aw_loop *loop, aw_coro *coro, aw_task **out);
/**
 * Creates a task as aw_task_spawn() does and names it before its first step. `name` is copied; NULL means
 * the default name.
 *
 * Returns: 0, and a new reference in `out` (optional).
 *
 * Errors: those of aw_task_spawn().
 *
 * asyncio: create_task(coro, name=…).
 */
AW_STACKFUL AW_API aw_status aw_task_spawn_named(aw_loop *loop, const char *name, aw_task_fn fn, void *ud,
                                                 aw_destroy_fn destroy, aw_task **out);
/**
 * Creates a task as aw_task_spawn() does and returns it as a future, for callers that only await it.
 * aw_future_task() returns the task.
 *
 * Returns: 0, and a new reference in `out`, which must not be NULL.
 *
 * Errors: those of aw_task_spawn(); -EINVAL.
 *
 * asyncio: create_task.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_task_spawn_future(aw_loop *loop, aw_task_fn fn, void *ud,
                                                               aw_destroy_fn destroy, aw_future **out);
/**@}*/

/**
 * Adds a reference and returns `task`.
 *
 * Thread: any.
 */
AW_API aw_task *aw_task_ref(aw_task *task);
/**
 * Drops a reference. The task continues.
 *
 * Thread: any.
 */
AW_API void aw_task_unref(aw_task *task);
/**
 * Returns the task as a future, borrowed. It is the same object, and every call that takes a future accepts
 * it.
 */
AW_API aw_future *aw_task_future(aw_task *task);
/**
 * Requests cancellation of the task: the await in which it is suspended returns ::AW_ECANCELLED in the next
 * iteration, and the task may handle that. `message` is optional and copied.
 *
 * Returns: 1 if the request was accepted, 0 if the task is done.
 *
 * asyncio: Task.cancel.
 */
AW_API aw_status aw_task_cancel(aw_task *task, const char *message);
/**
 * Returns the number of pending cancellation requests.
 *
 * asyncio: Task.cancelling.
 */
AW_API aw_status aw_task_cancelling(const aw_task *task);
/**
 * Withdraws one cancellation request. When none is left, a request that was not yet delivered is dropped.
 *
 * Returns: the number of requests left.
 *
 * asyncio: Task.uncancel.
 */
AW_API aw_status aw_task_uncancel(aw_task *task);
/**
 * Returns the name of the task, valid until it is changed or the task is released. The default is "Task-N".
 *
 * asyncio: Task.get_name.
 */
AW_API const char *aw_task_name(const aw_task *task);
/**
 * Sets the name of the task; `name` is copied.
 *
 * asyncio: Task.set_name.
 */
AW_API aw_status aw_task_set_name(aw_task *task, const char *name);
/**
 * Returns the coroutine that the task drives, borrowed; NULL for a stackful one.
 *
 * asyncio: Task.get_coro.
 */
AW_API aw_coro *aw_task_coro(const aw_task *task);
/**
 * Retrieves the value bound to `key` in the task's context, borrowed: what aw_context_get() gives inside the
 * task. The context stays with the task when it has ended.
 *
 * Errors: -ENOENT if `key` is not bound.
 *
 * asyncio: Task.get_context.
 */
AW_API aw_status aw_task_context_get(const aw_task *task, const void *key, void **out);
/**
 * Returns the task that runs in the calling thread, borrowed, or NULL if none runs.
 *
 * Thread: any.
 *
 * asyncio: current_task.
 */
AW_API aw_task *aw_task_current(void);
/**
 * Writes up to `max` references to the tasks of `loop` that are not done to `out`, in the order of their
 * creation. Each is a new reference.
 *
 * Returns: the number of such tasks, which may exceed `max`.
 *
 * asyncio: all_tasks.
 */
AW_NODISCARD AW_API aw_status aw_loop_all_tasks(aw_loop *loop, aw_task **out, size_t max);

/**
 * @name Inside a stackful coroutine
 *
 * Unless a function says otherwise, it fails with ::AW_ENOTASK outside a stackful coroutine, and with
 * ::AW_EFORKED where it would suspend a task in a child that the task has forked with fork(2).
 */
/**@{*/
/**
 * Suspends the task until `future` is done and returns the status of the future. `out` (optional) receives
 * the value, borrowed from the future. A future that is done already does not suspend the task.
 *
 * Errors: those of the future; ::AW_EFOREIGNLOOP; ::AW_ESELFAWAIT; ::AW_ELOOPCLOSED while the loop closes.
 *
 * Cancellation: cancels `future` first, then returns ::AW_ECANCELLED.
 *
 * asyncio: `await future`.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_await(aw_future *future, void **out);
/**
 * Awaits `future` as aw_await() does, moves its value to the caller as aw_future_take_result() does, and
 * drops the caller's reference to it. The reference is dropped also if the await fails, is cancelled, or is
 * refused with ::AW_ENOTASK. One call thus covers the whole life of a future that is awaited once. For a
 * task, pass aw_task_future(); the reference that is dropped is the one to the task.
 *
 * The caller owns the value and releases it with `out_destroy` (optional), which is NULL for a value that
 * needs no release. An ::aw_results or an ::aw_future as a value is a reference of the caller's. If `out`
 * is NULL, the value stays with the future. There is one exception: the value of a shield, of
 * aw_future_copy() and of aw_wrap_future() is owned by the future that these follow, so `out_destroy` is
 * NULL and that future must outlive the value. Do not take the value of a future that others read as well:
 * they get NULL.
 *
 * Errors: those of aw_await().
 *
 * Cancellation: as in aw_await().
 *
 * asyncio: `value = await future`, if nobody else holds the future.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_await_take(aw_future *future, void **out,
                                                        aw_destroy_fn *out_destroy);
/**
 * Awaits `future`, whose value is an integer (::AW_VALUE_INTEGER: an exit code, an order of arrival, the
 * argument of aw_return_int()), and writes the integer to `out` (optional).
 *
 * Errors: those of aw_await(); -EINVAL for a value of another kind.
 *
 * Cancellation: as in aw_await().
 *
 * asyncio: `await future`.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_await_int(aw_future *future, int64_t *out);
/**
 * Awaits an integer as aw_await_int() does and drops the caller's reference to `future`, also on failure;
 * see aw_await_take().
 *
 * Errors: those of aw_await_int().
 *
 * Cancellation: as in aw_await().
 *
 * asyncio: `await future`.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_await_take_int(aw_future *future, int64_t *out);
/**
 * Awaits `future` without passing a cancellation on to it. `out` (optional) receives the value, borrowed
 * from `future`. A step uses aw_shield() and aw_resume_await() instead.
 *
 * Errors: those of aw_await(); -ENOMEM.
 *
 * Cancellation: returns ::AW_ECANCELLED while `future` continues. If `future` fails after that, the failure
 * is reported to the exception handler.
 *
 * asyncio: `await shield(future)`.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_await_shielded(aw_future *future, void **out);
/**
 * Runs `coro` in the calling task until it ends. `out` (optional) receives the value, which the coroutine
 * still owns.
 *
 * Cancellation: raises ::AW_ECANCELLED in the coroutine, which may handle it.
 *
 * asyncio: `await coro`.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_await_coro(aw_coro *coro, void **out);
/**
 * Suspends the task for `delay_ns`. 0 or less lets other tasks run for exactly one iteration.
 *
 * Cancellation: ends the sleep and returns ::AW_ECANCELLED.
 *
 * asyncio: sleep(delay).
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_sleep(int64_t delay_ns);
/**
 * Sets the value that the task has when its function returns 0. Returns 0, so that a function can end with
 * `return aw_return(v, free);`. The value moves also on failure, which destroys it, because after such a
 * statement no caller is left to do so. (Other functions leave the value with the caller on failure; see
 * base.h.)
 *
 * asyncio: `return value`.
 */
AW_STACKFUL AW_API aw_status aw_return(void *value, aw_destroy_fn destroy);
/**
 * Sets an integer as the value, as aw_return() does (::AW_VALUE_INTEGER). It needs no release. The integer
 * is stored in a pointer: on a system with 32-bit pointers a larger one is refused.
 *
 * Errors: ::AW_ENOTASK; -EOVERFLOW.
 *
 * asyncio: `return value`.
 */
AW_STACKFUL AW_API aw_status aw_return_int(int64_t value);
/**
 * Creates the error of a failure and returns `code`: `return aw_raise(-EIO, "no luck");`. An errno without
 * its minus sign (`EIO`) is taken as its negative; 0 becomes -EINVAL. `message` is optional and copied.
 *
 * asyncio: `raise`.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_raise(aw_status code, const char *message);
/**
 * Creates an error as aw_raise() does, with a message formatted as by printf():
 * `return aw_raisef(-EIO, "%s: no luck", name);`. Without memory for the message, the error has the text of
 * its code.
 *
 * asyncio: `raise`.
 */
AW_STACKFUL AW_NODISCARD AW_PRINTF(2, 3) AW_API aw_status aw_raisef(aw_status code, const char *format, ...);
/**
 * Creates an error as aw_raisef() does, with the arguments as a va_list, for functions that wrap it.
 *
 * asyncio: `raise`.
 */
AW_STACKFUL AW_NODISCARD AW_PRINTF(2, 0) AW_API aw_status
	aw_vraisef(aw_status code, const char *format, va_list arguments);
/**
 * Raises an error object as aw_raise() does, and adds its own reference to it.
 *
 * Returns: the code of `error`.
 *
 * asyncio: `raise error`.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_raise_error(aw_error *error);
/**
 * Returns the error of the last failure in this task, borrowed until the next call that suspends or fails.
 * Returns NULL if there is none, and outside a stackful coroutine: a step has aw_resume_error(), a callback
 * has only the status.
 *
 * A task has one such error:
 *  - aw_raise() and aw_raise_error() set it.
 *  - An await that fails sets it to the error of the future or coroutine. aw_future_result(),
 *    aw_results_get() and their variants set it to the error of the future.
 *  - Every other call of the library that returns a negative status sets it to the error of that code
 *    alone.
 *  - An await that succeeds clears it, also one that did not suspend, and so does aw_caught_clear(). Other
 *    calls that succeed, such as an unref or a release during cleanup, leave it unchanged.
 *  - If the task's function returns the code of this error, the task fails with this very error. With
 *    another code, it fails with the error of that code alone.
 *
 * Thus it is always the error of the last negative status, whichever functions of the program that status
 * passed through, and a plain call of a helper that ends with aw_raise() needs nothing more. A program that
 * handles a failure and later returns the same code itself, with no await in between, calls
 * aw_caught_clear() first. Otherwise the old error would be taken for the new one's.
 *
 * asyncio: the exception of an `except` clause.
 */
AW_STACKFUL AW_API aw_error *aw_caught(void);
/**
 * Marks the last failure as handled: aw_caught() returns NULL again. Does nothing outside a stackful task.
 *
 * asyncio: the end of an `except` clause.
 */
AW_STACKFUL AW_API void aw_caught_clear(void);
/**@}*/

/**
 * Creates a coroutine that sleeps as aw_sleep() does and returns `value`, for step coroutines and hosts.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * asyncio: sleep(delay, result).
 */
AW_NODISCARD AW_API aw_status aw_sleep_coro(aw_loop *loop, int64_t delay_ns, void *value,
                                            aw_destroy_fn destroy, aw_coro **out);

/**
 * Sets the size in bytes of the stacks of tasks spawned from now on. It is rounded up to whole pages and is
 * at least 16 KiB. The default is 256 KiB.
 */
AW_STACKFUL AW_API aw_status aw_loop_set_stack_size(aw_loop *loop, size_t size);

AW_END_DECLS

#endif
