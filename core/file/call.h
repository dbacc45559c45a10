/* SPDX-License-Identifier: MIT */
/*
 * A call on the file system: a function that runs on one of the loop's threads for files, or an operation of
 * a backend that performs them. It uses the caller's memory, so an awaiting caller gets control back only
 * when nothing else can touch that memory: a cancelled call still waits for its thread or the kernel.
 */
#ifndef CORE_AWAIT_FILE_CALL_H
#define CORE_AWAIT_FILE_CALL_H

#include "coro.h"
#include "failure.h"
#include "file.h"
#include "system_calls.h"

#include <await/file.h>
#include <await/stackless.h>
#include <errno.h>

struct iovec;
typedef struct file_call file_call;

enum file_trait {
	FILE_SEQUENTIAL = 1, /* uses the file's position: one at a time */
	FILE_WRITES = 2,     /* reports an error that nobody has seen, and leaves one */
	FILE_CLOSES = 4,     /* is carried out whatever happens; nothing else may be in progress */
	FILE_PATHS = 8,      /* its error says the path */
	FILE_ONCE = 16       /* is not repeated if it was interrupted: it may have taken place */
};

/* What calls of one kind have in common. */
typedef struct file_verb {
	/* Optional: before anything else; a negative status ends the call. */
	aw_status (*begin)(file_call *self);
	/* On a thread: performs the call and sets `result`. */
	void (*run)(file_call *self);
	/* Optional: performs it at once and returns true, if that can't block. */
	bool (*attempt)(file_call *self);
	/* Optional: on the loop's thread, once it is over. If it was interrupted, nobody gets the result. */
	void (*end)(file_call *self);
	/* Optional: the value of a coroutine whose result is not negative; otherwise the result. */
	void *(*value)(file_call *self, aw_destroy_fn *out_destroy);
	/* Optional: with the coroutine's state. */
	void (*release)(file_call *self);
	/*
	 * Optional: fills the operation in with which a backend performs it; false: it has to be on a thread. `room` is
	 * of the size below, and stays until the operation has returned.
	 */
	bool (*fill)(file_call *self, aw_op *op, void *room);
	/* Optional: after the operation, whose result is in `result`; `over` is set, and may be unset to continue. */
	void (*returned)(file_call *self, void *room);
	uint16_t room;
	uint8_t traits;
} file_verb;

struct file_call {
	aw_frame frame;
	const file_verb *verb;
	aw_loop *loop;
	aw_file *file;      /* that it is for, or NULL; a reference in a coroutine and while it is in progress */
	const void *origin; /* the code that made the call */
	aw_future *pending; /* a reference, while awaited */
	aw_error *error;    /* of a failed result, with a message; a reference, or NULL */
	int64_t result;
	aw_status interrupted; /* how the await ended, if that was not by itself */
	bool begun, tried, over, ran;
	bool in_ring;   /* `pending` is an operation of the backend */
	bool on_thread; /* the backend does not perform it */
	/* The arguments. */
	int fd, dir;
	unsigned char *buffer;     /* or the data to write */
	const struct iovec *parts; /* instead of the buffer */
	size_t count;
	uint64_t length;
	uint64_t done; /* of a write */
	int64_t offset;
	char *path, *path2;
	uint32_t flags, mode;
	void *out; /* memory of the caller that the result goes to */
	uint64_t *out_count;
	/* What it makes. */
	aw_file *opened; /* a reference */
	void *made;
};

/* A stackful call. Returns the result, at most INT32_MAX. `call` need not outlive it. */
aw_status file_call_now(file_call *call);
/* The same as a coroutine, which has its own copies of the paths. */
aw_status file_call_later(aw_loop *loop, const file_call *call, aw_coro **out);

/* Stores the result of a system call that has just returned. */
static inline void file_call_set(file_call *self, int64_t result) {
	self->result = result < 0 ? -errno : result;
}

#endif
