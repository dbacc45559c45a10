/* SPDX-License-Identifier: MIT */
/**
 * @file completion.h
 * The completion queue: many operations submitted in one call, many outcomes drained in one call, no
 * callback.
 */
#ifndef AWAIT_COMPLETION_H
#define AWAIT_COMPLETION_H

#include <await/base.h>
#include <await/op.h>

AW_BEGIN_DECLS

/** One operation. The buffer belongs to it until its completion has been drained, also after a cancel. */
typedef struct aw_submission {
	uint32_t size; /**< sizeof(aw_submission) */
	uint32_t kind; /**< one of ::aw_op_kind */
	uint64_t token;
	int32_t fd;
	uint32_t flags;
	void *buffer;
	uint64_t length;
	int64_t offset;
} aw_submission;

/** One outcome. */
typedef struct aw_completion {
	uint64_t token;
	int32_t status; /**< 0, or a negative status */
	uint32_t reserved;
	int64_t value; /**< bytes, descriptor, events, or the value of a future */
} aw_completion;

/**
 * Submits `count` operations. Returns how many were taken: fewer only if one was refused, whose status is
 * returned if it was the first. Each one taken gives exactly one completion. When this returns, each is bound
 * to the file that its descriptor was: a file that gets the number later is not touched. A connection that
 * was accepted and is not drained is closed with the loop. Errors: -EINVAL, -ENOMEM, ::AW_EBADHANDLE for a
 * future.
 */
AW_NODISCARD AW_API aw_status aw_loop_submit(aw_loop *loop, const aw_submission *submissions, size_t count);
/**
 * Asks every operation with this token to end; the completions follow (::AW_ECANCELLED or the real outcome).
 * Returns how many.
 */
AW_API aw_status aw_loop_cancel_token(aw_loop *loop, uint64_t token);
/**
 * Waits, dispatches and takes up to `max` completions in one call. Returns how many; 0 if something else
 * happened; -EAGAIN if nothing at all did within `timeout_ns` (negative: no limit). Fewer than `max` means
 * that none is left; as long as some are, aw_loop_wait() does not return for them.
 */
AW_NODISCARD AW_API aw_status aw_loop_drain(aw_loop *loop, aw_completion *out, size_t max,
                                            int64_t timeout_ns);

AW_END_DECLS

#endif
