/* SPDX-License-Identifier: MIT */
/**
 * @file timeout.h
 * Timeouts: the timeout scope, and wait_for on top of it.
 *
 * Since 0.1.0, unless an entry says otherwise.
 */
#ifndef AWAIT_TIMEOUT_H
#define AWAIT_TIMEOUT_H

#include <await/base.h>
#include <await/task.h>

AW_BEGIN_DECLS

/** A scope in a task. Its body is cancelled when the deadline passes. asyncio.Timeout. */
typedef struct aw_timeout aw_timeout;

/**
 * Creates a scope that ends `delay_ns` from now (::AW_FOREVER: no deadline).
 *
 * Returns: 0, and a new reference in `out`.
 *
 * asyncio: timeout(delay).
 */
AW_NODISCARD AW_API aw_status aw_timeout_new(aw_loop *loop, int64_t delay_ns, aw_timeout **out);
/**
 * Creates a scope that ends at the time `when_ns` of aw_loop_time().
 *
 * Returns: 0, and a new reference in `out`.
 *
 * asyncio: timeout_at(when).
 */
AW_NODISCARD AW_API aw_status aw_timeout_new_at(aw_loop *loop, int64_t when_ns, aw_timeout **out);
/**
 * Adds a reference and returns `timeout`.
 *
 * Thread: any.
 */
AW_API aw_timeout *aw_timeout_ref(aw_timeout *timeout);
/**
 * Drops a reference.
 *
 * Thread: any.
 */
AW_API void aw_timeout_unref(aw_timeout *timeout);
/**
 * Enters the scope in the current task, stackful or not.
 *
 * Errors: ::AW_EINVALIDSTATE if the scope was entered before; ::AW_ENOTASK.
 *
 * asyncio: Timeout.__aenter__.
 */
AW_NODISCARD AW_API aw_status aw_timeout_enter(aw_timeout *timeout);
/**
 * Leaves the scope with the status of its body.
 *
 * Returns: ::AW_ETIMEOUT if the body ended with ::AW_ECANCELLED because of this scope and no other
 * cancellation request is pending; else `body`, unchanged.
 *
 * asyncio: Timeout.__aexit__.
 */
AW_NODISCARD AW_API aw_status aw_timeout_exit(aw_timeout *timeout, aw_status body);
/**
 * Returns the deadline, or ::AW_FOREVER if there is none.
 *
 * asyncio: Timeout.when.
 */
AW_API int64_t aw_timeout_when(const aw_timeout *timeout);
/**
 * Moves the deadline. A time in the past fires in the next iteration.
 *
 * Errors: ::AW_EINVALIDSTATE outside the scope.
 *
 * asyncio: Timeout.reschedule.
 */
AW_API aw_status aw_timeout_reschedule(aw_timeout *timeout, int64_t when_ns);
/**
 * Returns 1 once the deadline has cancelled the body, else 0.
 *
 * asyncio: Timeout.expired.
 */
AW_API aw_bool aw_timeout_expired(const aw_timeout *timeout);

/**
 * Runs `fn(ud)` in the calling stackful task, in a scope that ends `delay_ns` from now (::AW_FOREVER: no
 * deadline). When the deadline passes, the await in which `fn` is suspended returns ::AW_ECANCELLED; if
 * `fn` returns that status, the call returns ::AW_ETIMEOUT. aw_return() in `fn` sets the value of the task.
 *
 * Returns: the status of `fn`, or ::AW_ETIMEOUT.
 *
 * Errors: ::AW_ENOTASK outside a stackful task, without a call of `fn`; -EINVAL if `fn` is NULL; -ENOMEM.
 *
 * asyncio: `async with timeout(delay)`.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_timeout_run(int64_t delay_ns, aw_task_fn fn, void *ud);

/**
 * Awaits `future` for at most `timeout_ns`, and cancels it when that time has passed. The call then waits
 * until the future has ended. It returns ::AW_ETIMEOUT, unless the future still ended with a value or with
 * another error. If `timeout_ns` is 0 or less, a future that is not done is cancelled at once. `out`
 * (optional) receives the value, borrowed from the future.
 *
 * Errors: those of the future; ::AW_ETIMEOUT; ::AW_ENOTASK.
 *
 * Cancellation: cancels `future`.
 *
 * asyncio: wait_for, as of Python 3.12.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_wait_for(aw_future *future, int64_t timeout_ns, void **out);
/**
 * Awaits `future` for at most `timeout_ns` and never cancels it. When the time has passed, the call returns
 * ::AW_ETIMEOUT and `future` continues. `out` (optional) receives the value, borrowed from `future`. If
 * `future` fails later, the failure is reported to the exception handler. A step uses aw_shield() and
 * aw_wait_for_coro() instead.
 *
 * Errors: those of aw_wait_for(); ::AW_EFOREIGNLOOP; ::AW_ESELFAWAIT; -ENOMEM.
 *
 * Cancellation: returns ::AW_ECANCELLED while `future` continues.
 *
 * asyncio: `await wait_for(shield(future), timeout)`.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_wait_for_shielded(aw_future *future, int64_t timeout_ns,
                                                               void **out);
/**
 * Creates a coroutine that awaits `future` as aw_wait_for() does. Its value is that of the future,
 * borrowed: keep the future.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * asyncio: wait_for, as of Python 3.12.
 */
AW_NODISCARD AW_API aw_status aw_wait_for_coro(aw_future *future, int64_t timeout_ns, aw_coro **out);

AW_END_DECLS

#endif
