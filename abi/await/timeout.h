/* SPDX-License-Identifier: MIT */
/**
 * @file timeout.h
 * Limits: the timeout scope, and wait_for on top of it.
 */
#ifndef AWAIT_TIMEOUT_H
#define AWAIT_TIMEOUT_H

#include <await/base.h>
#include <await/task.h>

AW_BEGIN_DECLS

/** A scope in a task that is cancelled when its time has passed. asyncio.Timeout. */
typedef struct aw_timeout aw_timeout;

/** A scope that ends `delay_ns` from now; ::AW_FOREVER for none. New reference. asyncio.timeout. */
AW_NODISCARD AW_API aw_status aw_timeout_new(aw_loop *loop, int64_t delay_ns, aw_timeout **out);
/** A scope that ends at `when_ns` of aw_loop_time(). New reference. asyncio.timeout_at. */
AW_NODISCARD AW_API aw_status aw_timeout_new_at(aw_loop *loop, int64_t when_ns, aw_timeout **out);
/** Takes one more reference and returns `timeout`. Any thread. */
AW_API aw_timeout *aw_timeout_ref(aw_timeout *timeout);
/** Gives one reference back. Any thread. */
AW_API void aw_timeout_unref(aw_timeout *timeout);
/**
 * Enters the scope in the current task, stackful or not. ::AW_EINVALIDSTATE if entered before, ::AW_ENOTASK.
 * Timeout.__aenter__.
 */
AW_NODISCARD AW_API aw_status aw_timeout_enter(aw_timeout *timeout);
/**
 * Leaves the scope with the status of its body, and returns what it becomes: ::AW_ETIMEOUT where the body
 * ended in ::AW_ECANCELLED because of this scope and no other request is open; else `body` unchanged.
 * Timeout.__aexit__.
 */
AW_NODISCARD AW_API aw_status aw_timeout_exit(aw_timeout *timeout, aw_status body);
/** The deadline, or ::AW_FOREVER. asyncio: Timeout.when. */
AW_API int64_t aw_timeout_when(const aw_timeout *timeout);
/**
 * Moves the deadline; a time past fires in the next iteration. Only inside the scope (::AW_EINVALIDSTATE).
 * Timeout.reschedule.
 */
AW_API aw_status aw_timeout_reschedule(aw_timeout *timeout, int64_t when_ns);
/** 1 once the deadline has cancelled the body. asyncio: Timeout.expired. */
AW_API aw_bool aw_timeout_expired(const aw_timeout *timeout);

/**
 * Runs `fn(ud)` in the calling stackful task, in a scope that ends `delay_ns` from now (::AW_FOREVER: no
 * limit). When the time has passed, ::AW_ECANCELLED comes out of what `fn` awaits, and if it returns that,
 * the call returns ::AW_ETIMEOUT. aw_return() in `fn` sets the value of the task.
 *
 * Returns: what `fn` returned, or ::AW_ETIMEOUT. Errors: ::AW_ENOTASK outside a stackful task, where `fn` is
 * not run; -EINVAL for a NULL `fn`; -ENOMEM.
 *
 * asyncio: `async with timeout(delay)`.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_timeout_run(int64_t delay_ns, aw_task_fn fn, void *ud);

/**
 * Awaits `future` for `timeout_ns` at most; then cancels it, waits until it has really ended, and returns
 * ::AW_ETIMEOUT, unless it ended with a value or another error all the same. At 0 and less a future that is
 * not done is cancelled at once. The value (borrowed) goes to `out` (optional). Cancelling the task cancels
 * the future. asyncio.wait_for, as of 3.12.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_wait_for(aw_future *future, int64_t timeout_ns, void **out);
/**
 * Awaits `future` for `timeout_ns` at most, and leaves it alone: when the time has passed ::AW_ETIMEOUT is
 * returned, when the task is cancelled ::AW_ECANCELLED, and `future` continues. The value (borrowed from
 * `future`) goes to `out` (optional). A failure of `future` that comes later is reported to the exception
 * handler. In a step: aw_shield() and aw_wait_for_coro().
 *
 * Errors: those of aw_wait_for(), ::AW_EFOREIGNLOOP, ::AW_ESELFAWAIT, -ENOMEM. asyncio:
 * wait_for(shield(future), timeout).
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_wait_for_shielded(aw_future *future, int64_t timeout_ns,
                                                               void **out);
/**
 * aw_wait_for() as a coroutine. Its value is that of the future, borrowed: keep the future. New reference.
 */
AW_NODISCARD AW_API aw_status aw_wait_for_coro(aw_future *future, int64_t timeout_ns, aw_coro **out);

AW_END_DECLS

#endif
