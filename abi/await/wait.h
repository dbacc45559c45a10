/* SPDX-License-Identifier: MIT */
/**
 * @file wait.h
 * Waiting for several futures without owning them: wait and as_completed.
 */
#ifndef AWAIT_WAIT_H
#define AWAIT_WAIT_H

#include <await/base.h>

AW_BEGIN_DECLS

/** When aw_wait() returns. */
enum aw_return_when {
	AW_FIRST_COMPLETED = 0, /**< any end counts: value, error, cancellation */
	AW_FIRST_EXCEPTION = 1, /**< the first failure; cancellations don't count */
	AW_ALL_COMPLETED = 2
};

/**
 * Suspends the task until enough of `futures` are done or `timeout_ns` has passed. Nothing is cancelled, not
 * even when the task is. `out_done` (optional, `count` entries) tells which are done. Returns how many are;
 * never ::AW_ETIMEOUT. Always suspends.
 * Errors: -EINVAL for no futures or an unknown `return_when`, ::AW_ENOTASK, ::AW_ECANCELLED. asyncio.wait.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_wait(aw_future *const *futures, size_t count,
                                                  int32_t return_when, int64_t timeout_ns, aw_bool *out_done);
/**
 * aw_wait() as a coroutine; its value is an ::aw_results in which what was pending is ::AW_EINVALIDSTATE. New
 * reference.
 */
AW_NODISCARD AW_API aw_status aw_wait_coro(aw_loop *loop, aw_future *const *futures, size_t count,
                                           int32_t return_when, int64_t timeout_ns, aw_coro **out);

/** Gives futures in the order in which they are done. */
typedef struct aw_as_completed aw_as_completed;

/**
 * Makes the iterator; a future given twice comes once. The limit counts from now. New reference.
 * Errors: ::AW_EFOREIGNLOOP, ::AW_EBADHANDLE. asyncio.as_completed.
 */
AW_NODISCARD AW_API aw_status aw_as_completed_new(aw_loop *loop, aw_future *const *futures, size_t count,
                                                  int64_t timeout_ns, aw_as_completed **out);
/** Takes one more reference and returns `iterator`. Any thread. */
AW_API aw_as_completed *aw_as_completed_ref(aw_as_completed *iterator);
/** Gives one reference back; what is not done goes on. Any thread. */
AW_API void aw_as_completed_unref(aw_as_completed *iterator);
/**
 * Suspends the task until the next future is done and gives it (one of those handed in; new reference).
 * ::AW_ETIMEOUT once the limit has passed, for each that is left; then ::AW_ESTOPITERATION. A cancelled next
 * loses nothing.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_as_completed_next(aw_as_completed *iterator, aw_future **out);
/** aw_as_completed_next() as a coroutine, whose value is the future. New reference. */
AW_NODISCARD AW_API aw_status aw_as_completed_next_coro(aw_as_completed *iterator, aw_coro **out);

AW_END_DECLS

#endif
