/* SPDX-License-Identifier: MIT */
/**
 * @file task.h
 * The task: a future that drives a coroutine. And what a stackful coroutine calls while it runs in one.
 */
#ifndef AWAIT_TASK_H
#define AWAIT_TASK_H

#include <await/base.h>
#include <stdarg.h>

AW_BEGIN_DECLS

/**
 * The body of a stackful coroutine: ordinary C on a stack of its own, in which aw_await() looks like a
 * blocking call. A negative status fails the task; use aw_return() to give a value and aw_raise() to give a
 * message. A positive one is a success like 0; in debug mode it is reported, since it may be an errno that
 * lacks its minus.
 */
typedef aw_status (*aw_task_fn)(void *ud);

/**
 * @name Making tasks. `loop` NULL means the one that runs. `out` is optional and receives a new reference.
 */
/**@{*/
/**
 * Schedules a stackful coroutine; it starts in the next iteration. The loop owns the task: dropping the
 * handle detaches it and never stops it. Errors: ::AW_ENOLOOP, ::AW_ELOOPCLOSED, -ENOMEM.
 * asyncio.create_task.
 */
AW_STACKFUL AW_API aw_status aw_task_spawn(aw_loop *loop, aw_task_fn fn, void *ud, aw_destroy_fn destroy,
                                           aw_task **out);
/**
 * Schedules a coroutine object (takes its own reference). ::AW_EREUSED if it has run. asyncio:
 * loop.create_task.
 */
AW_API aw_status aw_task_spawn_coro(aw_loop *loop, aw_coro *coro, aw_task **out);
/**
 * As aw_task_spawn(), but the first step runs before the call returns, if the loop runs: a body that never
 * suspends gives a task that is done and was never scheduled. Its done-callbacks still go through the ready
 * queue. asyncio.eager_task_factory.
 */
AW_STACKFUL AW_API aw_status aw_task_spawn_eager(aw_loop *loop, aw_task_fn fn, void *ud,
                                                 aw_destroy_fn destroy, aw_task **out);
/** As aw_task_spawn_coro(), eagerly. asyncio: create_task(eager_start=True). */
AW_API aw_status aw_task_spawn_coro_eager(aw_loop *loop, aw_coro *coro, aw_task **out);
/**
 * As aw_task_spawn(), and names the task before its first step. `name` is copied; NULL stands for the default
 * name.
 *
 * asyncio: create_task(coro, name=…).
 */
AW_STACKFUL AW_API aw_status aw_task_spawn_named(aw_loop *loop, const char *name, aw_task_fn fn, void *ud,
                                                 aw_destroy_fn destroy, aw_task **out);
/**
 * As aw_task_spawn(), and gives the task as the future that it is, for callers that only await it.
 * aw_future_task() has the task.
 *
 * Returns: 0, and a new reference in `out`, which may not be NULL. Errors: as aw_task_spawn(), and -EINVAL.
 *
 * asyncio: create_task.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_task_spawn_future(aw_loop *loop, aw_task_fn fn, void *ud,
                                                               aw_destroy_fn destroy, aw_future **out);
/**@}*/

/** Takes one more reference and returns `task`. Any thread. */
AW_API aw_task *aw_task_ref(aw_task *task);
/** Gives one reference back; the task goes on. Any thread. */
AW_API void aw_task_unref(aw_task *task);
/** The task as a future, borrowed: the same object, for every call that takes a future. */
AW_API aw_future *aw_task_future(aw_task *task);
/**
 * Asks the task to cancel itself: ::AW_ECANCELLED comes out of its await in the next iteration, where it can
 * be handled. Returns 1, or 0 if the task is done. `message` is optional and copied. asyncio: Task.cancel.
 */
AW_API aw_status aw_task_cancel(aw_task *task, const char *message);
/** How many cancel requests are open. asyncio: Task.cancelling. */
AW_API aw_status aw_task_cancelling(const aw_task *task);
/**
 * Takes one request back and returns how many are left; at 0 an undelivered one is withdrawn. asyncio:
 * Task.uncancel.
 */
AW_API aw_status aw_task_uncancel(aw_task *task);
/** The name, alive until it is changed or the task goes. "Task-N" by default. asyncio: Task.get_name. */
AW_API const char *aw_task_name(const aw_task *task);
/** Sets the name (copied). asyncio: Task.set_name. */
AW_API aw_status aw_task_set_name(aw_task *task, const char *name);
/** The coroutine it drives, borrowed; NULL for a stackful one. asyncio: Task.get_coro. */
AW_API aw_coro *aw_task_coro(const aw_task *task);
/** The task that runs now in this thread, borrowed, or NULL. Any thread. asyncio.current_task. */
AW_API aw_task *aw_task_current(void);
/**
 * Writes up to `max` references to the tasks of `loop` that are not done, in order of creation, each a new
 * reference. Returns how many there are, which may be more. asyncio.all_tasks.
 */
AW_NODISCARD AW_API aw_status aw_loop_all_tasks(aw_loop *loop, aw_task **out, size_t max);

/** @name Inside a stackful coroutine (elsewhere: ::AW_ENOTASK) */
/**@{*/
/**
 * Suspends the task until `future` is done and returns its status; the value (borrowed from the future) goes
 * to `out` (optional). A future that is done does not suspend. When the task is cancelled here, what it
 * awaits is cancelled first, and ::AW_ECANCELLED is returned. Errors: ::AW_EFOREIGNLOOP, ::AW_ESELFAWAIT,
 * ::AW_ELOOPCLOSED while the loop closes. Python: await.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_await(aw_future *future, void **out);
/**
 * Awaits `future` as aw_await() does, moves its value to the caller as aw_future_take_result() does, and
 * drops the caller's reference to it: also where the await fails, is cancelled, or refused with ::AW_ENOTASK.
 * It is the whole life of a future that is awaited once. For a task, pass aw_task_future(); the reference to
 * the task is the one dropped.
 *
 * The value belongs to the caller from now on: it is released by `out_destroy` (optional), which is NULL for
 * one that needs no release. An ::aw_results or an ::aw_future as a value is a reference of the caller's.
 * Without `out` the value stays with the future. One exception: the value of a shield, of aw_future_copy()
 * and of aw_wrap_future() is owned by what they follow, so `out_destroy` is NULL and that must outlive the
 * value. Don't take the value of a future that others read too: they get NULL.
 *
 * Errors: those of aw_await(). Python: `value = await future`, where nobody else has the future.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_await_take(aw_future *future, void **out,
                                                        aw_destroy_fn *out_destroy);
/**
 * Awaits `future`, whose value is an integer (::AW_VALUE_INTEGER: an exit code, an order of arrival, what
 * aw_return_int() gave), and writes it to `out` (optional).
 *
 * Errors: those of aw_await(); -EINVAL for a value of another kind. Python: await.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_await_int(aw_future *future, int64_t *out);
/**
 * As aw_await_int(), and drops the caller's reference to `future`, also on failure: see aw_await_take().
 * Python: await.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_await_take_int(aw_future *future, int64_t *out);
/**
 * Awaits `future` without passing a cancellation on to it: when the task is cancelled here, `future`
 * continues and ::AW_ECANCELLED is returned. The value (borrowed from `future`) goes to `out` (optional). A
 * failure of `future` that comes after the cancellation is reported to the exception handler. In a step:
 * aw_shield() and aw_resume_await().
 *
 * Errors: those of aw_await(), -ENOMEM. asyncio: `await shield(future)`.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_await_shielded(aw_future *future, void **out);
/**
 * Runs `coro` in this task until it ends. The value goes to `out` (optional) and stays the coroutine's.
 * Python: await.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_await_coro(aw_coro *coro, void **out);
/**
 * Suspends the task for `delay_ns`; 0 and less let the others run for exactly one iteration. asyncio.sleep.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_sleep(int64_t delay_ns);
/**
 * Sets the value that the task has when its function returns 0. Returns 0, so that `return aw_return(v,
 * free);` reads well. The value moves also on failure, which destroys it: in that line nobody is left to do
 * so. (Other values stay the caller's on failure, see base.h.)
 */
AW_STACKFUL AW_API aw_status aw_return(void *value, aw_destroy_fn destroy);
/**
 * As aw_return(), with an integer as the value (::AW_VALUE_INTEGER), which needs no release. It is kept in a
 * pointer: on a system with pointers of 32 bits a larger one is refused with -EOVERFLOW.
 *
 * Errors: ::AW_ENOTASK, -EOVERFLOW. Python: return.
 */
AW_STACKFUL AW_API aw_status aw_return_int(int64_t value);
/**
 * Makes the error of a failure: `return aw_raise(-EIO, "no luck");`. Returns `code`. An errno without its
 * minus (`EIO`) is taken as its negative; 0 is -EINVAL. `message` is optional and copied. Python: raise.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_raise(aw_status code, const char *message);
/**
 * As aw_raise(), with a message formatted as by printf(): `return aw_raisef(-EIO, "%s: no luck", name);`.
 * Where there is no memory for the message, the text of the code stands for it. Python: raise.
 */
AW_STACKFUL AW_NODISCARD AW_PRINTF(2, 3) AW_API aw_status aw_raisef(aw_status code, const char *format, ...);
/** aw_raisef() with its arguments as a va_list, for functions that wrap it. Python: raise. */
AW_STACKFUL AW_NODISCARD AW_PRINTF(2, 0) AW_API aw_status
	aw_vraisef(aw_status code, const char *format, va_list arguments);
/** As aw_raise(), with an error object (takes its own reference). Returns its code. */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_raise_error(aw_error *error);
/**
 * The error of the last failure in this task, borrowed until the next call that suspends or fails. NULL if
 * there is none, and where there is no stackful coroutine: a step has aw_resume_error(), a callback only the
 * status. Python: the exception of an `except` clause.
 *
 * A task has one such error:
 *  - aw_raise() and aw_raise_error() set it.
 *  - An await that fails sets it to the error of what was awaited; aw_future_result(), aw_results_get() and
 *    their kin set it to the future's error.
 *  - Every other call of the library that returns a negative status sets it to the error of that code alone.
 *  - An await that succeeds clears it, also one that did not suspend; so does aw_caught_clear(). A success of
 *    other calls, such as an unref or a release on the way out, leaves it as it is.
 *  - Where the task's function ends with its code, the task fails with this very error; with another code, by
 *    the code alone.
 *
 * So it is always the error of the last negative status, whichever function of the program it passed through:
 * a plain call of a helper that ends with aw_raise() is enough. A program that handles a failure and later
 * returns the same code of its own, with no await in between, says so by aw_caught_clear(); else the old
 * error would be taken for the new one's.
 */
AW_STACKFUL AW_API aw_error *aw_caught(void);
/**
 * Says that the last failure was handled: aw_caught() is NULL again. Nothing outside a stackful task. Python:
 * the end of an `except` clause.
 */
AW_STACKFUL AW_API void aw_caught_clear(void);
/**@}*/

/**
 * aw_sleep() as a coroutine that gives `value`, for step coroutines and hosts. New reference.
 * asyncio.sleep(delay, result).
 */
AW_NODISCARD AW_API aw_status aw_sleep_coro(aw_loop *loop, int64_t delay_ns, void *value,
                                            aw_destroy_fn destroy, aw_coro **out);

/**
 * The size of the stacks of tasks spawned from now on, in bytes (rounded up to pages; 16 KiB at least). 256
 * KiB by default.
 */
AW_STACKFUL AW_API aw_status aw_loop_set_stack_size(aw_loop *loop, size_t size);

AW_END_DECLS

#endif
