/* SPDX-License-Identifier: MIT */
/**
 * @file completion.h
 * The completion queue: submits many operations in one call and drains many outcomes in one call, without
 * callbacks.
 *
 * Since 0.1.0, unless an entry says otherwise.
 */
#ifndef AWAIT_COMPLETION_H
#define AWAIT_COMPLETION_H

#include <await/base.h>
#include <await/op.h>

AW_BEGIN_DECLS

/**
 * One operation. The buffer, and `second`, belong to the operation until its completion has been drained, also
 * after a cancel.
 */
typedef struct aw_submission {
	uint32_t size; /**< sizeof(aw_submission) */
	uint32_t kind; /**< one of ::aw_op_kind */
	uint64_t token;
	int32_t fd;
	uint32_t flags;
	void *buffer;
	uint64_t length;
	int64_t offset;
	void *second; /**< as the next, only for kinds that say so */
	int32_t second_fd;
	uint32_t reserved; /**< 0 */
} aw_submission;

/** The outcome of one operation. */
typedef struct aw_completion {
	uint64_t token;
	int32_t status; /**< 0, or a negative status */
	uint32_t reserved;
	int64_t value; /**< bytes, descriptor, events, or the value of a future */
} aw_completion;

/**
 * Submits `count` operations. Each accepted operation produces exactly one completion. When the call
 * returns, each one is bound to the file that its descriptor referred to; a file that receives the same
 * number later is not touched. The exceptions are ::AW_OP_SPLICE and the operations on the file system
 * (::AW_OP_OPENAT to ::AW_OP_FTRUNCATE), whose descriptors the program keeps open until the completion: where the
 * backend lacks them, a thread performs them. A descriptor that was accepted or opened, and not drained, is closed
 * with the loop.
 *
 * Returns: the number of operations accepted. It is less than `count` only if an operation was refused; if
 * that was the first one, its status is returned.
 *
 * Errors: -EINVAL, also for an offset below -1; -EBADF; -ENOMEM; -EOPNOTSUPP if the backend lacks the kind, and it
 * is not one on the file system (libawait's backends lack none); ::AW_EBADHANDLE for a future.
 */
AW_NODISCARD AW_API aw_status aw_loop_submit(aw_loop *loop, const aw_submission *submissions, size_t count);
/**
 * Requests the end of every operation with this token. Their completions follow, with ::AW_ECANCELLED if they had
 * no effect, or with the actual outcome. An ::AW_OP_ACCEPT or ::AW_OP_OPENAT may thus still bring a descriptor.
 *
 * Returns: the number of such operations.
 */
AW_API aw_status aw_loop_cancel_token(aw_loop *loop, uint64_t token);
/**
 * Waits, dispatches, and takes up to `max` completions, in one call. If fewer than `max` are returned, none
 * is left. While some are left, aw_loop_wait() does not return because of them.
 *
 * Returns: the number of completions; 0 if something else happened.
 *
 * Errors: -EAGAIN if nothing happened within `timeout_ns` (negative: no limit).
 */
AW_NODISCARD AW_API aw_status aw_loop_drain(aw_loop *loop, aw_completion *out, size_t max,
                                            int64_t timeout_ns);

AW_END_DECLS

#endif
