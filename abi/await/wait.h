/* SPDX-License-Identifier: MIT */
/**
 * @file wait.h
 * Waiting for several futures without owning them: wait and as_completed.
 *
 * Since 0.1.0, unless an entry says otherwise.
 */
#ifndef AWAIT_WAIT_H
#define AWAIT_WAIT_H

#include <await/base.h>

AW_BEGIN_DECLS

/** The condition on which aw_wait() returns. */
enum aw_return_when {
	AW_FIRST_COMPLETED = 0, /**< any outcome counts: value, error, cancellation */
	AW_FIRST_EXCEPTION = 1, /**< the first failure; cancellations do not count */
	AW_ALL_COMPLETED = 2
};

/**
 * Suspends the task until enough of `futures` are done or `timeout_ns` has passed. It always suspends, and
 * never fails with ::AW_ETIMEOUT. `out_done` (optional, `count` entries) receives 1 for each future that is
 * done and 0 for the others.
 *
 * Returns: the number of futures that are done.
 *
 * Errors: -EINVAL if `count` is 0 or `return_when` is unknown; ::AW_ENOTASK; ::AW_ECANCELLED.
 *
 * Cancellation: ends the wait; none of the futures is cancelled.
 *
 * asyncio: wait.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_wait(aw_future *const *futures, size_t count,
                                                  int32_t return_when, int64_t timeout_ns, aw_bool *out_done);
/**
 * Creates a coroutine that waits as aw_wait() does. Its value is an ::aw_results, in which a pending future
 * has the status ::AW_EINVALIDSTATE.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * asyncio: wait.
 */
AW_NODISCARD AW_API aw_status aw_wait_coro(aw_loop *loop, aw_future *const *futures, size_t count,
                                           int32_t return_when, int64_t timeout_ns, aw_coro **out);

/** Yields futures in the order in which they complete. */
typedef struct aw_as_completed aw_as_completed;

/**
 * Creates the iterator. A future that is passed twice is yielded once. The limit `timeout_ns` starts now.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * Errors: ::AW_EFOREIGNLOOP; ::AW_EBADHANDLE.
 *
 * asyncio: as_completed.
 */
AW_NODISCARD AW_API aw_status aw_as_completed_new(aw_loop *loop, aw_future *const *futures, size_t count,
                                                  int64_t timeout_ns, aw_as_completed **out);
/**
 * Adds a reference and returns `iterator`.
 *
 * Thread: any.
 */
AW_API aw_as_completed *aw_as_completed_ref(aw_as_completed *iterator);
/**
 * Drops a reference. Futures that are not done continue.
 *
 * Thread: any.
 */
AW_API void aw_as_completed_unref(aw_as_completed *iterator);
/**
 * Suspends the task until the next future is done. `out` receives it: one of the futures passed to
 * aw_as_completed_new().
 *
 * Returns: 0, and a new reference in `out`.
 *
 * Errors: ::AW_ETIMEOUT once the limit has passed, for each future that is left; ::AW_ESTOPITERATION after
 * the last one.
 *
 * Cancellation: loses no future: the next call yields it.
 *
 * asyncio: `async for future in as_completed(futures)`.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_as_completed_next(aw_as_completed *iterator, aw_future **out);
/**
 * Creates a coroutine that does what aw_as_completed_next() does. Its value is the future.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * asyncio: `async for future in as_completed(futures)`.
 */
AW_NODISCARD AW_API aw_status aw_as_completed_next_coro(aw_as_completed *iterator, aw_coro **out);

AW_END_DECLS

#endif
