/* SPDX-License-Identifier: MIT */
/*
 * A call that waits on a stream: it is attempted, and while that gives -EAGAIN it waits in one of the stream's
 * queues and is attempted again. Nothing is taken before the attempt that succeeds, so a cancelled call has
 * taken nothing.
 */
#ifndef CORE_STREAM_CALL_H
#define CORE_STREAM_CALL_H

#include "stream.h"

#include <await/stackless.h>
#include <sys/uio.h>

typedef struct stream_call stream_call;

typedef struct stream_verb {
	const char *what; /* in a dump of tasks */
	/* Returns the result; -EAGAIN: wait. It may not suspend. */
	aw_status (*attempt)(stream_call *self);
	/* The queue to wait in, or NULL to let others run for one iteration. */
	wait_queue *(*queue)(stream_call *self);
	/* The call has begun (-EBUSY: refused), and has ended, in whichever way. Optional. */
	aw_status (*begin)(stream_call *self);
	void (*ended)(stream_call *self);
} stream_verb;

struct stream_call {
	const stream_verb *verb;
	aw_stream *stream; /* a reference, in a coroutine */
	aw_stream *other;  /* where a copy goes to; a reference, like `stream` */
	waiter waiter;
	bool begun, has_yielded;
	unsigned char *buffer;
	size_t length;
	size_t done; /* bytes searched, or sent; of drain: it has waited in the queue */
	size_t *out_done;
	const char **out_data;
	/* What follows is not set by stream_call_short(). Of readuntil: */
	const struct iovec *separators;
	size_t separator_count;
	struct iovec *separator; /* points to the one of a call that takes one */
	struct iovec only;
	int64_t timeout;
	/* Of a coroutine. */
	aw_frame frame;
	aw_status result;
	/* Of passing descriptors, in descriptors.c. */
	const int *send_fds;
	int *fds;
	size_t *fd_count; /* of `fds` */
	size_t send_fd_count;
	uint32_t *out_flags;
	/* Of copying, in copy.c and sendfile.c. */
	int file;
	int64_t offset, left; /* `left` < 0: until the end */
	uint64_t total, *out_total;
	uint32_t *out_way;
	int pipe[2];
	size_t piped;      /* bytes in the pipe */
	aw_status refusal; /* of the options */
	bool may_splice, was_lazy;
	bool is_bulk;         /* the last piece was large */
	wait_queue *waits_in; /* or NULL to let others run */
};

/*
 * A stackful call that needs no more than the first fields sets only these, one by one: for a structure of this size
 * compilers take `rep stos`, which is slow to begin.
 */
static inline void stream_call_short(stream_call *self, const stream_verb *verb, aw_stream *stream) {
	self->verb = verb;
	self->stream = stream;
	self->other = NULL;
	self->waiter.queue = NULL;
	self->waiter.wakeup = NULL;
	self->begun = self->has_yielded = false;
	self->buffer = NULL;
	self->length = self->done = 0;
	self->out_done = NULL;
	self->out_data = NULL;
}

/* The parts of aw_stream_read() and aw_stream_send(), for calls that do more than these. */
aw_status stream_reading_begin(stream_call *self);
void stream_reading_ended(stream_call *self);
wait_queue *stream_reading_queue(stream_call *self);
aw_status stream_attempt_read(stream_call *self);
/*
 * There is not enough: returns -EAGAIN to wait, 1 if more has come, or why there will be no more, which is
 * `at_end` at an orderly end.
 */
aw_status stream_more(aw_stream *stream, aw_status at_end);
aw_status stream_send_begin(stream_call *self);
void stream_send_ended(stream_call *self);
wait_queue *stream_send_queue(stream_call *self);
aw_status stream_attempt_send(stream_call *self);

/* Carries it out in a stackful task. -EINVAL unless the arguments are valid. */
aw_status stream_call_now(stream_call *self, bool is_valid);
/* Makes a coroutine of it, likewise. */
aw_status stream_call_later(const stream_call *self, bool is_valid, const void *origin, aw_coro **out);

#endif
