/* SPDX-License-Identifier: MIT */
/**
 * @file future.h
 * Futures: pending, then done with a value, an error, or a cancellation. They behave exactly as
 * asyncio.Future does.
 *
 * Since 0.1.0, unless an entry says otherwise.
 */
#ifndef AWAIT_FUTURE_H
#define AWAIT_FUTURE_H

#include <await/base.h>
#include <stdarg.h>

AW_BEGIN_DECLS

/**
 * Called when `future` is done. A negative status is reported to the exception handler; see
 * ::aw_callback_fn.
 */
typedef aw_status (*aw_done_fn)(aw_future *future, void *ud);

/**
 * Creates a pending future of `loop` (NULL: the loop that runs).
 *
 * Returns: 0, and a new reference in `out`.
 *
 * asyncio: loop.create_future.
 */
AW_NODISCARD AW_API aw_status aw_future_new(aw_loop *loop, aw_future **out);
/**
 * Adds a reference and returns `future`.
 *
 * Thread: any.
 */
AW_API aw_future *aw_future_ref(aw_future *future);
/**
 * Drops a reference. Dropping the last reference to a failed future whose error was never retrieved calls
 * the exception handler.
 *
 * Thread: any.
 */
AW_API void aw_future_unref(aw_future *future);
/**
 * Returns the loop of the future, borrowed.
 *
 * asyncio: Future.get_loop.
 */
AW_API aw_loop *aw_future_loop(const aw_future *future);
/** Returns the task that the future is, borrowed, or NULL for a plain future. */
AW_API aw_task *aw_future_task(aw_future *future);

/**
 * Completes the future with a value, which the future then owns. Done-callbacks are queued and never run
 * inside the call. On failure the caller keeps the value.
 *
 * Errors: ::AW_EINVALIDSTATE if the future is done; -EPERM for a task.
 *
 * asyncio: Future.set_result.
 */
AW_NODISCARD AW_API aw_status aw_future_set_result(aw_future *future, void *value, aw_destroy_fn destroy);
/**
 * Completes the future with an integer, as aw_future_set_result() does (::AW_VALUE_INTEGER). It needs no
 * release. The integer is stored in a pointer: on a system with 32-bit pointers a larger one is refused.
 *
 * Errors: those of aw_future_set_result(); -EOVERFLOW.
 *
 * asyncio: Future.set_result.
 */
AW_API aw_status aw_future_set_result_int(aw_future *future, int64_t value);
/**
 * Completes the future with an error, to which it adds its own reference.
 *
 * Errors: ::AW_EINVALIDSTATE if the future is done; -EPERM for a task.
 *
 * asyncio: Future.set_exception.
 */
AW_API aw_status aw_future_set_error(aw_future *future, aw_error *error);
/**
 * Completes the future with a new error of `code` and `message` (optional). An errno without its minus sign
 * is taken as its negative.
 *
 * Errors: those of aw_future_set_error().
 *
 * asyncio: Future.set_exception.
 */
AW_API aw_status aw_future_fail(aw_future *future, aw_status code, const char *message);
/**
 * Completes the future as aw_future_fail() does, with a message formatted as by printf(). If there is no
 * memory for the message, the error has the text of its code.
 *
 * Errors: those of aw_future_set_error().
 *
 * asyncio: Future.set_exception.
 */
AW_PRINTF(3, 4) AW_API aw_status aw_future_failf(aw_future *future, aw_status code, const char *format, ...);
/**
 * Completes the future as aw_future_failf() does, with the arguments as a va_list, for functions that wrap
 * it.
 *
 * Errors: those of aw_future_set_error().
 *
 * asyncio: Future.set_exception.
 */
AW_PRINTF(3, 0)
AW_API aw_status aw_future_vfailf(aw_future *future, aw_status code, const char *format, va_list arguments);
/**
 * Completes `target` with the outcome of `future`, which must be done: its value, its error, or its
 * cancellation. An error counts as retrieved from `future`. Call this function in a done-callback of
 * `future` to make one future follow another.
 *
 * The value is shared. It stays owned by `future`, which `target` keeps alive for as long as `target`
 * lives; do not take the value from `future` in that case.
 *
 * Errors: ::AW_EINVALIDSTATE if `future` is pending or `target` is done; -EPERM if `target` is a task;
 * ::AW_EFOREIGNLOOP; -ENOMEM.
 *
 * asyncio: what run_in_executor() and wrap_future() do between their futures.
 */
AW_API aw_status aw_future_copy(aw_future *future, aw_future *target);
/**
 * Requests cancellation. A plain future is cancelled at once, a task when it lets the request through, and
 * any other future as its own function describes. `message` is optional and copied.
 *
 * Returns: 1 if the request was accepted, 0 if the future was done.
 *
 * asyncio: Future.cancel.
 */
AW_API aw_status aw_future_cancel(aw_future *future, const char *message);
/**
 * Requests cancellation as aw_future_cancel() does, with an existing error of ::AW_ECANCELLED whose payload
 * travels with the cancellation. Adds its own reference to the error.
 *
 * Errors: -EINVAL for an error of another code.
 *
 * asyncio: Future.cancel(msg).
 */
AW_API aw_status aw_future_cancel_error(aw_future *future, aw_error *error);

/**
 * Returns 1 if the future has a value, has an error, or was cancelled, else 0.
 *
 * asyncio: Future.done.
 */
AW_API aw_bool aw_future_done(const aw_future *future);
/**
 * Returns 1 if the future was cancelled, else 0.
 *
 * asyncio: Future.cancelled.
 */
AW_API aw_bool aw_future_cancelled(const aw_future *future);
/**
 * Retrieves the outcome. On success `out` (optional) receives the value, borrowed. Marks an error as
 * retrieved.
 *
 * Returns: 0, or the code of the error.
 *
 * Errors: those of the future; ::AW_ECANCELLED; ::AW_EINVALIDSTATE while the future is pending.
 *
 * asyncio: Future.result.
 */
AW_NODISCARD AW_API aw_status aw_future_result(aw_future *future, void **out);
/**
 * Retrieves an integer (::AW_VALUE_INTEGER) as aw_future_result() does and writes it to `out` (optional).
 *
 * Errors: those of aw_future_result(); -EINVAL for a value of another kind.
 *
 * asyncio: Future.result.
 */
AW_NODISCARD AW_API aw_status aw_future_result_int(aw_future *future, int64_t *out);
/**
 * Retrieves the outcome as aw_future_result() does, but moves the value to the caller, once: later readers
 * get NULL. `out_destroy` receives the destroy of the value.
 *
 * Errors: those of aw_future_result().
 *
 * asyncio: Future.result.
 */
AW_NODISCARD AW_API aw_status aw_future_take_result(aw_future *future, void **out,
                                                    aw_destroy_fn *out_destroy);
/** What a value is, for hosts that turn values into their own objects. */
enum aw_value_kind {
	AW_VALUE_POINTER = 0, /**< a pointer of the program's, or NULL */
	AW_VALUE_INTEGER = 1, /**< an `intptr_t`: a return code, readiness, an order of arrival */
	AW_VALUE_RESULTS = 2, /**< an ::aw_results */
	AW_VALUE_FUTURE = 3   /**< an ::aw_future */
};
/** Returns the ::aw_value_kind of the future's value; ::AW_VALUE_POINTER while it has none. */
AW_API int32_t aw_future_value_kind(const aw_future *future);
/**
 * Retrieves the error. `out` receives it, borrowed, or NULL if the future has a value. For a cancelled
 * future the call fails, and `out` receives the error object of the cancellation.
 *
 * Errors: ::AW_ECANCELLED if the future was cancelled; ::AW_EINVALIDSTATE while it is pending.
 *
 * asyncio: Future.exception.
 */
AW_API aw_status aw_future_error(aw_future *future, aw_error **out);

/**
 * Schedules `fn` to run, through the ready queue, when the future is done, also if it is done already.
 *
 * asyncio: Future.add_done_callback.
 */
AW_API aw_status aw_future_add_done_callback(aw_future *future, aw_done_fn fn, void *ud,
                                             aw_destroy_fn destroy);
/**
 * Removes every callback that was added with this `fn` and `ud`. Their destroys run in the next dispatch.
 * Once the future is done, nothing is removed.
 *
 * Returns: the number of callbacks removed.
 *
 * asyncio: Future.remove_done_callback.
 */
AW_API aw_status aw_future_remove_done_callback(aw_future *future, aw_done_fn fn, void *ud);

/**
 * Returns 1 if the future or its error has references beside the caller's one, else 0. A tracing collector
 * of the host may traverse what a future holds if it is not shared, since nobody else can reach it.
 */
AW_API aw_bool aw_future_is_shared(const aw_future *future);

/** Stores one pointer for the host, for example its wrapper object. Destroys the pointer stored before. -ENOMEM. */
AW_API aw_status aw_future_set_host_data(aw_future *future, void *data, aw_destroy_fn destroy);
/** Returns the pointer that aw_future_set_host_data() stored, or NULL. */
AW_API void *aw_future_host_data(const aw_future *future);

/** @name The outcomes of several futures: the value of aw_gather() and aw_wait_coro() */
/**@{*/
/**
 * Adds a reference and returns `results`.
 *
 * Thread: any.
 */
AW_API aw_results *aw_results_ref(aw_results *results);
/**
 * Drops a reference.
 *
 * Thread: any.
 */
AW_API void aw_results_unref(aw_results *results);
/** Returns the number of futures. */
AW_API size_t aw_results_count(const aw_results *results);
/**
 * Retrieves the outcome of the future at `index` as aw_future_result() does. `out` receives the value,
 * borrowed.
 *
 * Errors: those of the future; ::AW_EINVALIDSTATE if it was pending.
 */
AW_NODISCARD AW_API aw_status aw_results_get(const aw_results *results, size_t index, void **out);
/**
 * Retrieves an integer (::AW_VALUE_INTEGER) as aw_results_get() does and writes it to `out` (optional).
 *
 * Errors: those of aw_results_get(); -EINVAL for a value of another kind.
 */
AW_NODISCARD AW_API aw_status aw_results_get_int(const aw_results *results, size_t index, int64_t *out);
/** Returns the error of the future at `index`, borrowed, or NULL. */
AW_API aw_error *aw_results_error(const aw_results *results, size_t index);
/**@}*/

AW_END_DECLS

#endif
