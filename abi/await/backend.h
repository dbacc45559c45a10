/* SPDX-License-Identifier: MIT */
/**
 * @file backend.h
 * For authors of backends: the table that a backend consists of, and the operations that it performs.
 * Programs do not need this header.
 *
 * A backend is a table of functions that is found by name: either a built-in, or
 * `libawait-backend-NAME.so`, which exports ::AW_BACKEND_ENTRY and imports no symbol of libawait. The core
 * manages the ready queue, the timers and all ordering. A backend only performs operations and waits.
 *
 * The life of an operation: its owner fills in an ::aw_op, embedded in an object that it owns, and submits
 * it. From then until `core->complete(core, op)` the memory belongs to the backend, also after a cancel.
 * Each submitted operation is completed exactly once, from inside `wait` or `close`, never from inside
 * `submit` or `cancel`; only ::AW_OP_RECV_MULTISHOT and ::AW_OP_ACCEPT_MULTISHOT are completed several times, see
 * ::aw_buffer. A backend should not allocate memory per operation, and must not allocate any in `cancel`, `wait`
 * and `close`.
 *
 * A backend need not perform every kind. ::AW_OP_POLL to ::AW_OP_CLOSE are required. For a kind that it lacks,
 * also one that it does not know, `submit` returns -EOPNOTSUPP, at once and with no effect; the core then
 * performs the operation itself. A backend that finds out only after `submit`, as when the kernel lacks the
 * memory, completes the operation with that result, also with no effect.
 *
 * What a cancel may lose: nothing. An operation that is completed with -ECANCELED has had no effect; one that
 * has had any completes with its result, as if it had not been cancelled:
 * - A transfer (::AW_OP_READ, ::AW_OP_WRITE, ::AW_OP_RECV, ::AW_OP_SEND, their forms with parts and messages,
 *   ::AW_OP_SPLICE) that has moved bytes completes with their number.
 * - ::AW_OP_ACCEPT and ::AW_OP_OPENAT that succeed late complete with the descriptor, which belongs to the owner;
 *   so do descriptors that an ::AW_OP_RECVMSG has received. The core closes what nobody takes.
 * - ::AW_OP_CONNECT may leave a connection in progress; the owner closes the socket.
 * - A child that an ::AW_OP_WAITID has reaped is in its siginfo_t.
 * - Those that do not wait, and those on the file system, may have changed something; their result tells.
 *
 * The owner keeps the descriptors of ::AW_OP_SPLICE and of the operations on the file system (::AW_OP_OPENAT to
 * ::AW_OP_FTRUNCATE) open until they complete: flushing does not bind these.
 *
 * Since 0.1.0, unless an entry says otherwise.
 */
#ifndef AWAIT_BACKEND_H
#define AWAIT_BACKEND_H

#include <await/base.h>
#include <await/op.h>

AW_BEGIN_DECLS

/**
 * The version of this interface. It changes whenever the meaning or layout of a table or an operation
 * changes.
 */
#define AW_BACKEND_ABI 2

/** The name of the function that a plug-in exports: `const aw_backend *aw_backend_entry(void)`. */
#define AW_BACKEND_ENTRY "aw_backend_entry"

/** The intended lifetime of a poll, in the `offset` of ::AW_OP_POLL. A backend may ignore it. */
enum aw_op_poll_life {
	AW_OP_POLL_ONCE = 0, /**< the owner may never poll again */
	/**
	 * after it completes, the owner will submit the same operation as ::AW_OP_POLL_AGAIN, unless it is
	 * removed
	 */
	AW_OP_POLL_STANDING = 1,
	/**
	 * the operation as it was completed, `backend_data` included, for the same file. If the number now
	 * refers to another file, as far as the backend can tell, the operation completes with -EBADF
	 */
	AW_OP_POLL_AGAIN = 2,
	/**
	 * as ::AW_OP_POLL_AGAIN, and the owner has found the file not ready since: the operation need only complete
	 * for what comes later. A completion with ::AW_POLL_HUP means that there may be more to find than a short
	 * read tells, as an end of the stream is: the owner must use ::AW_OP_POLL_AGAIN then
	 */
	AW_OP_POLL_EDGE = 3
};

/** Flags of ::AW_OP_POLL beside the events. */
enum aw_op_poll_flag {
	/**
	 * the owner keeps `fd` open, as the same file, until the poll has completed: the backend may let the poll
	 * hold the file
	 */
	AW_OP_POLL_HELD_OPEN = 1 << 30
};

/**
 * What has arrived for an ::AW_OP_RECV_MULTISHOT. The operation completes any number of times with a buffer, in
 * `arrived`, and stays in flight; its last completion has none, and returns it to its owner. The owner keeps `fd`
 * open until then. Each buffer belongs to the owner until aw_backend::give_back, or until the backend is closed.
 *
 * The result of the last completion is 0 at the end of the stream, the error of the connection, -ECANCELED after a
 * cancel, or -ENOBUFS: the backend has stopped, for want of buffers or for other reasons, and the owner may receive
 * by itself or submit the operation again. No byte is lost in any of them: what had been received before the end,
 * also while a cancel was on its way, was completed first, and the rest is still in the socket.
 *
 * An ::AW_OP_ACCEPT_MULTISHOT likewise completes once for each connection, with an `arrived` that has no bytes and is
 * valid only during the call: `id` is the new descriptor, close-on-exec and non-blocking. It belongs to the owner from
 * then on, also if the owner has requested a cancel before: a connection that is accepted while a cancel is on its way
 * is completed before the end, never dropped. Its last completion has no `arrived`; the result is -ECANCELED after a
 * cancel, -EAGAIN if the backend has stopped for other reasons, or the error of accept(2), which may pass. The owner
 * may then accept by itself or submit the operation again.
 */
typedef struct aw_buffer {
	struct aw_buffer *link; /**< for the owner's use */
	unsigned char *data;
	uint32_t length; /**< at least 1; ::AW_OP_ACCEPT_MULTISHOT: 0 */
	uint32_t id;     /**< the backend's; ::AW_OP_ACCEPT_MULTISHOT: the descriptor */
} aw_buffer;

/** One operation. */
typedef struct aw_op {
	/* Set by the owner before submit, and not changed by the backend. */
	uint32_t kind;
	int32_t fd;
	uint32_t flags;
	/** 1 if the owner knows that `fd` is O_NONBLOCK, so that a call may be tried before waiting */
	uint32_t nonblocking;
	void *buffer;
	uint64_t length;
	int64_t offset;
	void *second; /**< 0 for kinds that do not use it, as are the next two */
	int32_t second_fd;
	uint32_t reserved;
	void *owner; /**< for the owner's use */
	/* Set by the backend before complete. */
	int64_t result; /**< 0, a count, or a negative status; -ECANCELED after a cancel that had an effect */
	/** of an operation that completes several times: what has arrived; NULL: it has ended. NULL for all other kinds */
	aw_buffer *arrived;
	/* The backend's own while the operation is in flight. */
	void *backend_link[2];
	uint64_t backend_data[2];
} aw_op;

/** What the core provides to a backend. */
typedef struct aw_backend_core {
	uint32_t size;
	uint32_t reserved;
	/**
	 * Returns an operation to its owner, or, with `op->arrived`, only what has arrived for it. Called on the
	 * thread that is in `wait` or `close`.
	 */
	void (*complete)(const struct aw_backend_core *core, aw_op *op);
	void *data; /**< for the core's use */
} aw_backend_core;

/** One open backend: a struct that the backend defines. */
typedef struct aw_backend_state aw_backend_state;

/** Flags of aw_backend::open. */
enum aw_backend_open_flag {
	AW_BACKEND_SINGLE_THREAD = 1 /**< only the thread that calls open submits and waits */
};

/** What a backend offers beyond the required functions. */
enum aw_backend_capability {
	/** `fd` returns a descriptor that is readable when `wait` would return at once */
	AW_BACKEND_HAS_FD = 1,
	AW_BACKEND_OWN_CLOCK = 2,  /**< `now` is its own clock, not the monotonic one */
	AW_BACKEND_COMPLETION = 4, /**< the kernel performs reads and writes instead of reporting readiness */
	AW_BACKEND_CLASS_B = 8,    /**< aborts where the underlying library aborts, e.g. when memory runs out */
	/**
	 * performs ::AW_OP_RECV_MULTISHOT, and has `give_back`. `submit` returns -EOPNOTSUPP where the kernel cannot
	 */
	AW_BACKEND_MULTISHOT = 16
};

/** The table. Functions return 0 or a negative status, unless they say otherwise. */
typedef struct aw_backend {
	uint32_t abi;  /**< ::AW_BACKEND_ABI */
	uint32_t size; /**< sizeof(aw_backend), at least ::AW_BACKEND_SIZE_MIN */
	const char *name;
	const char *description; /**< one line, with the version of the underlying library */
	/** Flags of ::aw_backend_capability. */
	uint64_t capabilities;
	/**
	 * Checks whether a backend can be opened on this system. Returns 0, or the status and up to `length`
	 * bytes of text with the reason, terminated. Leaves nothing behind.
	 */
	aw_status (*probe)(char *why, size_t length);
	/** Opens a backend. `core` lives as long as the state. `seed` is for backends with a random order. */
	aw_status (*open)(const aw_backend_core *core, uint32_t flags, uint64_t seed, aw_backend_state **out);
	/** Closes the backend. Operations still in flight are first ended and completed with -ECANCELED. */
	void (*close)(aw_backend_state *state);
	/**
	 * In a forked child: closes descriptors and frees memory, without touching what is shared with the
	 * parent. Completes nothing.
	 */
	void (*abandon)(aw_backend_state *state);
	/** Starts an operation. On failure the operation belongs to the owner again and is not completed. */
	aw_status (*submit)(aw_backend_state *state, aw_op *op);
	/**
	 * Requests that an operation in flight end soon. Its completion follows in a later wait, with its
	 * actual result if that came first.
	 */
	void (*cancel)(aw_backend_state *state, aw_op *op);
	/**
	 * Waits until something completes, `wake` is called, a signal arrives, or the clock reaches `deadline`
	 * (INT64_MAX: no limit; 0: does not block), and completes what is complete. Never returns before the
	 * deadline without one of these, except for an EINTR without a signal, which the kernel may return
	 * while it releases an io_uring. EINTR is not an error: return 0.
	 */
	aw_status (*wait)(aw_backend_state *state, int64_t deadline);
	/**
	 * Makes the current or the next wait return. Several calls before that wait count as one. Called by any
	 * thread and in signal handlers.
	 */
	void (*wake)(aw_backend_state *state);
	/**
	 * Returns the descriptor of ::AW_BACKEND_HAS_FD, which must also become readable on `wake`; else -1. It
	 * need not reflect the deadline.
	 */
	int (*fd)(aw_backend_state *state);
	/** Returns the clock, in nanoseconds: CLOCK_MONOTONIC unless ::AW_BACKEND_OWN_CLOCK. May be NULL. */
	int64_t (*now)(aw_backend_state *state);
	/**
	 * Binds the operations submitted so far to the files that their descriptors currently refer to. The
	 * core calls it before control returns to the program, which may then close any descriptor; another
	 * file may get the same number, and the operation must not touch that file. A backend may thus collect
	 * operations in `submit` and pass them to the kernel here, in one system call. The core does not call
	 * it for operations on descriptors that it keeps open itself until they complete. Must not block or
	 * complete. May be NULL, or absent from a table that ends before it (`size`): `submit` then binds each
	 * operation itself.
	 */
	void (*flush)(aw_backend_state *state);
	/**
	 * Does the same as `wake`, and returns whether it worked: a system call may be refused, or the program
	 * may have closed the descriptor. After a failure the next call tries again, and until one succeeds the
	 * core only sleeps for short periods. May be NULL, or absent from a table that ends before it (`size`):
	 * `wake` is then called, and assumed to work.
	 */
	aw_status (*try_wake)(aw_backend_state *state);
	/**
	 * Takes a buffer of ::AW_OP_RECV_MULTISHOT back. Must not block or complete. May be NULL, or absent from a
	 * table that ends before it (`size`), without ::AW_BACKEND_MULTISHOT.
	 */
	void (*give_back)(aw_backend_state *state, aw_buffer *buffer);
} aw_backend;

/** The minimum `size` of a table: that of libawait 0.1, which ends with `now`. */
#define AW_BACKEND_SIZE_MIN offsetof(aw_backend, flush)

/** The type of ::AW_BACKEND_ENTRY. */
typedef const aw_backend *(*aw_backend_entry_fn)(void);

AW_END_DECLS

#endif
