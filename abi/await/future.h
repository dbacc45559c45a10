/* SPDX-License-Identifier: MIT */
/**
 * @file future.h
 * The future: pending, then a value, an error, or cancelled. asyncio.Future, to the letter.
 */
#ifndef AWAIT_FUTURE_H
#define AWAIT_FUTURE_H

#include <await/base.h>
#include <stdarg.h>

AW_BEGIN_DECLS

/**
 * Told that `future` is done. A negative status is reported to the exception handler; see ::aw_callback_fn.
 */
typedef aw_status (*aw_done_fn)(aw_future *future, void *ud);

/** Makes a pending future of `loop` (NULL: the one that runs). New reference. asyncio: loop.create_future. */
AW_NODISCARD AW_API aw_status aw_future_new(aw_loop *loop, aw_future **out);
/** Takes one more reference and returns `future`. Any thread. */
AW_API aw_future *aw_future_ref(aw_future *future);
/**
 * Gives one reference back. If it was the last, and an error was never looked at, the exception handler
 * hears. Any thread.
 */
AW_API void aw_future_unref(aw_future *future);
/** The loop it belongs to, borrowed. asyncio: Future.get_loop. */
AW_API aw_loop *aw_future_loop(const aw_future *future);
/** The task it is, borrowed, or NULL for a plain future. */
AW_API aw_task *aw_future_task(aw_future *future);

/**
 * Finishes it with a value, which it then owns. ::AW_EINVALIDSTATE if it is done, -EPERM for a task; the
 * value is then not taken. Done-callbacks are queued, never run inside. asyncio: Future.set_result.
 */
AW_NODISCARD AW_API aw_status aw_future_set_result(aw_future *future, void *value, aw_destroy_fn destroy);
/**
 * As aw_future_set_result(), with an integer as the value (::AW_VALUE_INTEGER), which needs no release. It is
 * kept in a pointer: on a system with pointers of 32 bits a larger one is refused.
 *
 * Errors: those of aw_future_set_result(); -EOVERFLOW. asyncio: Future.set_result.
 */
AW_API aw_status aw_future_set_result_int(aw_future *future, int64_t value);
/**
 * Finishes it with an error (it takes its own reference). ::AW_EINVALIDSTATE, -EPERM as above. asyncio:
 * Future.set_exception.
 */
AW_API aw_status aw_future_set_error(aw_future *future, aw_error *error);
/**
 * aw_future_set_error() with a new error of `code` and `message` (optional). An errno without its minus is
 * taken as its negative.
 */
AW_API aw_status aw_future_fail(aw_future *future, aw_status code, const char *message);
/**
 * As aw_future_fail(), with a message formatted as by printf(). Where there is no memory for the message, the
 * text of the code stands for it. asyncio: Future.set_exception.
 */
AW_PRINTF(3, 4) AW_API aw_status aw_future_failf(aw_future *future, aw_status code, const char *format, ...);
/**
 * aw_future_failf() with its arguments as a va_list, for functions that wrap it. asyncio:
 * Future.set_exception.
 */
AW_PRINTF(3, 0)
AW_API aw_status aw_future_vfailf(aw_future *future, aw_status code, const char *format, va_list arguments);
/**
 * Finishes `target` with the outcome of `future`, which must be done: its value, its error, or its
 * cancellation. An error counts as retrieved from `future`. Call it in a done-callback of `future` to have
 * one future follow another.
 *
 * The value is shared. It stays owned by `future`, which `target` keeps alive for as long as it lives itself:
 * don't take it from `future` then.
 *
 * Errors: ::AW_EINVALIDSTATE if `future` is pending or `target` is done; -EPERM if `target` is a task;
 * ::AW_EFOREIGNLOOP; -ENOMEM. Python: what asyncio does between the futures of run_in_executor() and of
 * wrap_future().
 */
AW_API aw_status aw_future_copy(aw_future *future, aw_future *target);
/**
 * Asks for cancellation. Returns 1 if it was accepted, 0 if the future was done. A plain future is cancelled
 * at once; a task when it lets the request through; others as they say. `message` is optional and copied.
 * asyncio: Future.cancel.
 */
AW_API aw_status aw_future_cancel(aw_future *future, const char *message);
/**
 * aw_future_cancel() with an error of ::AW_ECANCELLED made before, whose payload goes wherever the
 * cancellation goes (it takes its own reference). -EINVAL for an error of another code. asyncio:
 * Future.cancel(msg).
 */
AW_API aw_status aw_future_cancel_error(aw_future *future, aw_error *error);

/** 1 if it has a result, an error, or was cancelled. asyncio: Future.done. */
AW_API aw_bool aw_future_done(const aw_future *future);
/** 1 if it was cancelled. asyncio: Future.cancelled. */
AW_API aw_bool aw_future_cancelled(const aw_future *future);
/**
 * The outcome: 0 and the value, borrowed, in `out` (optional); the error's code; ::AW_ECANCELLED;
 * ::AW_EINVALIDSTATE while pending. Marks an error as looked at. asyncio: Future.result.
 */
AW_NODISCARD AW_API aw_status aw_future_result(aw_future *future, void **out);
/**
 * As aw_future_result(), for an integer (::AW_VALUE_INTEGER), which goes to `out` (optional).
 *
 * Errors: those of aw_future_result(); -EINVAL for a value of another kind. asyncio: Future.result.
 */
AW_NODISCARD AW_API aw_status aw_future_result_int(aw_future *future, int64_t *out);
/**
 * As aw_future_result(), but the value moves to the caller, once: later readers get NULL. Its destroy goes to
 * `out_destroy`.
 */
AW_NODISCARD AW_API aw_status aw_future_take_result(aw_future *future, void **out,
                                                    aw_destroy_fn *out_destroy);
/** What a value is, for hosts that turn values into objects of their own. */
enum aw_value_kind {
	AW_VALUE_POINTER = 0, /**< the program's own, or NULL */
	AW_VALUE_INTEGER = 1, /**< an `intptr_t`: a return code, readiness, an order of arrival */
	AW_VALUE_RESULTS = 2, /**< an ::aw_results */
	AW_VALUE_FUTURE = 3   /**< an ::aw_future */
};
/** Which of ::aw_value_kind the value of a future is; ::AW_VALUE_POINTER while it has none. */
AW_API int32_t aw_future_value_kind(const aw_future *future);
/**
 * The error, borrowed, or NULL for a value. A cancelled future returns ::AW_ECANCELLED and writes the
 * cancellation's error object; a pending one ::AW_EINVALIDSTATE. asyncio: Future.exception.
 */
AW_API aw_status aw_future_error(aw_future *future, aw_error **out);

/**
 * Has `fn` called, through the ready queue, when it is done (also if it is already). asyncio:
 * Future.add_done_callback.
 */
AW_API aw_status aw_future_add_done_callback(aw_future *future, aw_done_fn fn, void *ud,
                                             aw_destroy_fn destroy);
/**
 * Removes every callback registered with this `fn` and `ud`; returns how many. Their destroys run in the next
 * dispatch. Once the future is done nothing is removed. asyncio: Future.remove_done_callback.
 */
AW_API aw_status aw_future_remove_done_callback(aw_future *future, aw_done_fn fn, void *ud);

/**
 * 1 if the future or its error has references beside the caller's one. A tracing collector of the host may
 * follow what hangs on a future that is not shared: nobody else can reach it.
 */
AW_API aw_bool aw_future_is_shared(const aw_future *future);

/** One pointer for the host, e.g. its wrapper object. The old one is destroyed. */
AW_API aw_status aw_future_set_host_data(aw_future *future, void *data, aw_destroy_fn destroy);
/** What aw_future_set_host_data() stored, or NULL. */
AW_API void *aw_future_host_data(const aw_future *future);

/** @name The outcomes of several futures: the value of aw_gather() and aw_wait_coro() */
/**@{*/
/** Takes one more reference and returns `results`. Any thread. */
AW_API aw_results *aw_results_ref(aw_results *results);
/** Gives one reference back. Any thread. */
AW_API void aw_results_unref(aw_results *results);
/** How many futures there were. */
AW_API size_t aw_results_count(const aw_results *results);
/**
 * The outcome of the future at `index`, as aw_future_result() gives it; ::AW_EINVALIDSTATE if it was pending.
 * Value borrowed.
 */
AW_NODISCARD AW_API aw_status aw_results_get(const aw_results *results, size_t index, void **out);
/**
 * As aw_results_get(), for an integer (::AW_VALUE_INTEGER), which goes to `out` (optional).
 *
 * Errors: those of aw_results_get(); -EINVAL for a value of another kind.
 */
AW_NODISCARD AW_API aw_status aw_results_get_int(const aw_results *results, size_t index, int64_t *out);
/** The error of the future at `index`, borrowed, or NULL. */
AW_API aw_error *aw_results_error(const aw_results *results, size_t index);
/**@}*/

AW_END_DECLS

#endif
