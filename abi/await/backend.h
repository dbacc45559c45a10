/* SPDX-License-Identifier: MIT */
/**
 * @file backend.h
 * For authors of backends: the table a backend is, and the operation it carries out. Programs don't need this
 * header.
 *
 * A backend is a table of functions, found by name: a built-in, or `libawait-backend-NAME.so`, which exports
 * ::AW_BACKEND_ENTRY and imports no symbol of libawait. The core keeps the ready queue, the timers and all
 * ordering; a backend only carries out operations and waits.
 *
 * Life of an operation: its owner fills in an ::aw_op, embedded in an object of its own, and submits it. From
 * then until `core->complete(core, op)` the memory is the backend's, also after a cancel. Each submitted
 * operation is completed exactly once, from inside `wait` or `close`, never from inside `submit` or `cancel`.
 * Nothing is allocated per operation where it can be helped, and nothing in `cancel`, `wait` and `close`.
 */
#ifndef AWAIT_BACKEND_H
#define AWAIT_BACKEND_H

#include <await/base.h>
#include <await/op.h>

AW_BEGIN_DECLS

/**
 * The version of this interface. It changes whenever a table or an operation changes its meaning or layout.
 */
#define AW_BACKEND_ABI 1

/** The name of the function that a plug-in exports: `const aw_backend *aw_backend_entry(void)`. */
#define AW_BACKEND_ENTRY "aw_backend_entry"

/** How long a poll is meant to last, in the `offset` of ::AW_OP_POLL. A backend may ignore it. */
enum aw_op_poll_life {
	AW_OP_POLL_ONCE = 0, /**< the owner may never ask again */
	/**
	 * after it completes, the owner will submit the same operation as ::AW_OP_POLL_AGAIN, unless it is
	 * removed
	 */
	AW_OP_POLL_STANDING = 1,
	/**
	 * The operation as it was completed, `backend_data` included, for the file that it was for. If the number
	 * is another file's by now, as far as the backend can tell, it completes with -EBADF.
	 */
	AW_OP_POLL_AGAIN = 2
};

/** One operation. */
typedef struct aw_op {
	/* Set by the owner before submit, and left alone by the backend. */
	uint32_t kind;
	int32_t fd;
	uint32_t flags;
	/** 1 if the owner knows that `fd` is O_NONBLOCK, so that a call may be tried before waiting */
	uint32_t nonblocking;
	void *buffer;
	uint64_t length;
	int64_t offset;
	void *owner; /**< the owner's own */
	/* Set by the backend before complete. */
	int64_t result; /**< 0 or a count, or a negative status; -ECANCELED after a cancel that had an effect */
	/* The backend's own while the operation is in flight. */
	void *backend_link[2];
	uint64_t backend_data[2];
} aw_op;

/** What the core offers to a backend. */
typedef struct aw_backend_core {
	uint32_t size;
	uint32_t reserved;
	/** Hands an operation back to its owner. Called on the thread that is in `wait` or `close`. */
	void (*complete)(const struct aw_backend_core *core, aw_op *op);
	void *data; /**< the core's own */
} aw_backend_core;

/** One open backend: a struct of the backend's own. */
typedef struct aw_backend_state aw_backend_state;

/** Flags of aw_backend::open. */
enum aw_backend_open_flag {
	AW_BACKEND_SINGLE_THREAD = 1 /**< one thread alone, the one that calls open, submits and waits */
};

/** What a backend can do beyond the rule. */
enum aw_backend_capability {
	/** `fd` gives a descriptor that is readable when `wait` would return at once */
	AW_BACKEND_HAS_FD = 1,
	AW_BACKEND_OWN_CLOCK = 2,  /**< `now` is its own clock, not the monotonic one */
	AW_BACKEND_COMPLETION = 4, /**< the kernel carries out reads and writes, rather than telling readiness */
	AW_BACKEND_CLASS_B = 8     /**< aborts where the library underneath aborts, e.g. when memory runs out */
};

/** The table. Functions return 0 or a negative status, unless they say otherwise. */
typedef struct aw_backend {
	uint32_t abi;  /**< ::AW_BACKEND_ABI */
	uint32_t size; /**< sizeof(aw_backend), at least ::AW_BACKEND_SIZE_MIN */
	const char *name;
	const char *description; /**< one line, with the version of the library underneath */
	/** Flags of ::aw_backend_capability. */
	uint64_t capabilities;
	/**
	 * 0 if a backend can be opened here; else the status, and up to `length` bytes of text why, terminated.
	 * Leaves nothing behind.
	 */
	aw_status (*probe)(char *why, size_t length);
	/** Opens one; `core` lives as long as the state. `seed` is for backends that order by chance. */
	aw_status (*open)(const aw_backend_core *core, uint32_t flags, uint64_t seed, aw_backend_state **out);
	/** Closes it. Operations still in flight are ended and completed with -ECANCELED first. */
	void (*close)(aw_backend_state *state);
	/**
	 * In a forked child: closes descriptors and frees memory, without touching what is shared with the
	 * parent. Completes nothing.
	 */
	void (*abandon)(aw_backend_state *state);
	/** Starts an operation. On failure the operation is the owner's again and is not completed. */
	aw_status (*submit)(aw_backend_state *state, aw_op *op);
	/**
	 * Asks an operation in flight to end soon; its completion follows in a later wait, with its real result
	 * if that came first.
	 */
	void (*cancel)(aw_backend_state *state, aw_op *op);
	/**
	 * Waits until something completes, `wake` is called, a signal arrives, or the clock reaches `deadline`
	 * (INT64_MAX: no limit; 0: only looks), and completes what is complete. Never returns before the deadline
	 * without one of these, but for an EINTR without a signal, which the kernel may give while it clears up
	 * an io_uring. EINTR is not an error: return 0.
	 */
	aw_status (*wait)(aw_backend_state *state, int64_t deadline);
	/** Makes a wait, now or next, return. Any thread, and from a signal handler. Coalesces. */
	void (*wake)(aw_backend_state *state);
	/**
	 * The descriptor of ::AW_BACKEND_HAS_FD, which must also become readable on `wake`; else -1. It need not
	 * tell the deadline.
	 */
	int (*fd)(aw_backend_state *state);
	/** The clock, in nanoseconds: CLOCK_MONOTONIC unless ::AW_BACKEND_OWN_CLOCK. May be NULL. */
	int64_t (*now)(aw_backend_state *state);
	/**
	 * Binds the operations submitted so far to the files that their descriptors are now. The core calls it
	 * before control returns to the program, which may close any descriptor then; another file may get its
	 * number, and the operation must not touch that one. So a backend may collect operations in `submit` and
	 * hand them to the kernel here, in one system call. The core doesn't call it for operations on
	 * descriptors that it keeps open itself until they complete. Must not block or complete. May be NULL, and
	 * missing from a table that ends before it (`size`): then `submit` binds each operation itself.
	 */
	void (*flush)(aw_backend_state *state);
	/**
	 * As `wake`, and says whether it worked: a system call may be refused, or the program may have closed the
	 * descriptor. After a failure the next call tries again, and the core sleeps no longer than a moment at a
	 * time until one succeeds. May be NULL, and missing from a table that ends before it (`size`): then
	 * `wake` is called, and taken to work.
	 */
	aw_status (*try_wake)(aw_backend_state *state);
} aw_backend;

/** The least `size` of a table: that of libawait 0.1, which ends with `now`. */
#define AW_BACKEND_SIZE_MIN offsetof(aw_backend, flush)

/** The type of ::AW_BACKEND_ENTRY. */
typedef const aw_backend *(*aw_backend_entry_fn)(void);

AW_END_DECLS

#endif
