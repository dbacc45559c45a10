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
	/**
	 * read; `offset` -1: at the file's position. A pipe, socket or terminal has no positions, so -1 is the only
	 * useful offset there: another one fails with -ESPIPE, except with uring, which ignores it, as io_uring does.
	 * Value: bytes, 0 at the end
	 */
	AW_OP_READ = 3,
	AW_OP_WRITE = 4,  /**< write without SIGPIPE; `offset` as in ::AW_OP_READ; may be partial. Value: bytes */
	AW_OP_RECV = 5,   /**< recv; `flags` of recv(2). Value: bytes, 0 at the end */
	AW_OP_SEND = 6,   /**< send without SIGPIPE; `flags` of send(2); may be partial. Value: bytes */
	AW_OP_ACCEPT = 7, /**< accept. Value: a new descriptor, close-on-exec and non-blocking */
	AW_OP_CONNECT = 8, /**< connects `fd` to the address at `buffer`, `length` bytes */
	AW_OP_FSYNC = 9,   /**< fsync; `flags` of ::aw_op_fsync_flag */
	AW_OP_CLOSE = 10,  /**< close */
	AW_OP_FUTURE = 11, /**< waits for the future at `buffer`; status: the future's; completion queue only */
	/* Several parts, and messages. `buffer` and what it points to stay until the completion. */
	AW_OP_READV = 12,   /**< as ::AW_OP_READ, into the `length` iovecs at `buffer` */
	AW_OP_WRITEV = 13,  /**< as ::AW_OP_WRITE, from the `length` iovecs at `buffer` */
	AW_OP_SENDMSG = 14, /**< sendmsg of the msghdr at `buffer`, as ::AW_OP_SEND */
	/** recvmsg into the msghdr at `buffer`, as ::AW_OP_RECV. Descriptors in it are close-on-exec */
	AW_OP_RECVMSG = 15,
	/**
	 * splice of up to `length` bytes from `fd` to `second_fd`, one of which is a pipe; `flags` of splice(2).
	 * `offset`: in `fd`, or -1; `second`: an int64_t with the one in `second_fd`, or NULL. Raises no SIGPIPE.
	 * Value: bytes, 0 at the end
	 */
	AW_OP_SPLICE = 16,
	/* Sockets: these do not wait. */
	AW_OP_SHUTDOWN = 17, /**< shutdown; `flags`: SHUT_RD, SHUT_WR or SHUT_RDWR */
	AW_OP_BIND = 18,     /**< bind to the address at `buffer`, `length` bytes */
	AW_OP_LISTEN = 19,   /**< listen; `length`: the backlog */
	/* The file system. `fd` is the directory that a relative path begins in, or AT_FDCWD. */
	/**
	 * openat of the path at `buffer`; `flags` of open(2), `length`: the mode. Without O_NONBLOCK the open of a pipe
	 * waits for its other end, also after a cancel if a thread performs it. Value: a new descriptor
	 */
	AW_OP_OPENAT = 20,
	AW_OP_STATX = 21,    /**< statx of the path at `buffer` into `second`; `flags`, and `length`: the mask */
	AW_OP_UNLINKAT = 22, /**< unlinkat of the path at `buffer`; `flags`: 0 or AT_REMOVEDIR */
	/** renameat2 of the path at `buffer` to that at `second`, which begins in `second_fd`; `flags` */
	AW_OP_RENAMEAT = 23,
	AW_OP_MKDIRAT = 24, /**< mkdirat of the path at `buffer`; `length`: the mode */
	/** fallocate of `length` bytes from `offset` on; `flags`: the mode of fallocate(2) */
	AW_OP_FALLOCATE = 25,
	AW_OP_FTRUNCATE = 26, /**< ftruncate to `length` bytes */
	/**
	 * waitid for the child of the pidfd `fd`, into the siginfo_t at `buffer`; `flags`: WEXITED, and WNOWAIT if
	 * the child is to stay a zombie
	 */
	AW_OP_WAITID = 27,
	/**
	 * receives from a stream socket until it ends, into buffers that the backend brings; backends only, see
	 * ::aw_buffer. Value: 0 at the end of the stream
	 */
	AW_OP_RECV_MULTISHOT = 64,
	/** accepts connections on a listening socket until it ends; backends only, see ::aw_buffer */
	AW_OP_ACCEPT_MULTISHOT = 65
};

/** Flags of ::AW_OP_FSYNC. */
enum aw_op_fsync_flag {
	AW_OP_FSYNC_DATA = 1 /**< as fdatasync: of what is known about the file, only what reading needs */
};

/** Readiness, for ::AW_OP_POLL. The values are the kernel's. */
enum aw_poll { AW_POLL_IN = 1, AW_POLL_OUT = 4, AW_POLL_ERR = 8, AW_POLL_HUP = 16 };

AW_END_DECLS

#endif
