/* SPDX-License-Identifier: MIT */
/**
 * @file op.h
 * The kinds of operation, shared by the completion queue (completion.h) and the backend interface
 * (backend.h).
 *
 * Since 0.1.0, unless an entry says otherwise.
 */
#ifndef AWAIT_OP_H
#define AWAIT_OP_H

#include <await/base.h>

AW_BEGIN_DECLS

/**
 * What an operation does. The fields named here are those of ::aw_submission and ::aw_op. The value is the
 * `value` of the completion or the `result` of the operation.
 */
enum aw_op_kind {
	AW_OP_NOP = 0,   /**< completes in the next dispatch; completion queue only */
	AW_OP_SLEEP = 1, /**< completes after `offset` nanoseconds; completion queue only */
	AW_OP_POLL = 2, /**< waits for `flags` of ::aw_poll; a regular file is ready at once. Value: the events */
	AW_OP_READ = 3, /**< read; `offset` -1: at the file's position. Value: bytes, 0 at the end */
	AW_OP_WRITE = 4,   /**< write without SIGPIPE; may be partial. Value: bytes */
	AW_OP_RECV = 5,    /**< recv; `flags` of recv(2). Value: bytes, 0 at the end */
	AW_OP_SEND = 6,    /**< send without SIGPIPE; `flags` of send(2); may be partial. Value: bytes */
	AW_OP_ACCEPT = 7,  /**< accept. Value: a new descriptor, close-on-exec and non-blocking */
	AW_OP_CONNECT = 8, /**< connects `fd` to the address at `buffer`, `length` bytes */
	AW_OP_FSYNC = 9,   /**< fsync */
	AW_OP_CLOSE = 10,  /**< close */
	AW_OP_FUTURE = 11, /**< waits for the future at `buffer`; status: the future's; completion queue only */
	/**
	 * receives from a stream socket until it ends, into buffers that the backend brings; backends only, see
	 * ::aw_buffer. Value: 0 at the end of the stream
	 */
	AW_OP_RECV_MULTISHOT = 64
};

/** Readiness, for ::AW_OP_POLL. The values are the kernel's. */
enum aw_poll { AW_POLL_IN = 1, AW_POLL_OUT = 4, AW_POLL_ERR = 8, AW_POLL_HUP = 16 };

AW_END_DECLS

#endif
