/* SPDX-License-Identifier: MIT */
/*
 * The state of a stream. stream.c moves it from open to closed and pumps bytes between the table of functions
 * and the buffers; read.c and write.c are what programs call.
 */
#ifndef CORE_STREAM_STREAM_H
#define CORE_STREAM_STREAM_H

#include "buffer.h"
#include "future.h"
#include "wait_queue.h"

#include "sized.h"

#include <await/protocol.h>
#include <await/stream.h>
#include <netinet/in.h>

enum stream_state {
	STREAM_OPEN,
	STREAM_CLOSING, /* what is queued has to be sent first */
	STREAM_ENDING,  /* the table's close has to end */
	STREAM_CLOSED
};

/* What each message touches comes first, in as few cache lines as it takes. */
struct aw_stream {
	object base;
	aw_loop *loop;
	const aw_stream_methods *methods;
	void *ud;                    /* of the methods; NULL once released */
	const aw_protocol *protocol; /* or NULL: bytes are kept for readers */
	void *protocol_ud;
	uint64_t sent_in; /* the iteration in which something was sent at once */
	uint64_t bytes_read, bytes_written;
	uint32_t watched;  /* events asked of the methods */
	aw_status failure; /* what ended the connection, or 0 */
	uint8_t state;
	bool released;                /* the methods' state is gone */
	bool held;                    /* it has a reference to itself, until it is closed */
	bool ending;                  /* the table's close was called, and has not ended */
	bool aborting;                /* nothing more has to be sent */
	bool told;                    /* a call has returned `failure` */
	bool eof;                     /* the peer has ended its direction */
	bool eof_wanted;              /* by the program, for the outgoing direction */
	bool eof_sent;                /* and done */
	bool lazy;                    /* nothing is read ahead */
	bool read_only;               /* nothing can be written */
	bool write_only;              /* nothing can be read: the end of the outgoing direction closes it */
	bool reading_paused;          /* by the program */
	bool limit_reached;           /* reading is paused until the buffer is down to the limit */
	bool read_deferred;           /* the reader was woken, and reads what has arrived */
	bool writing_paused;          /* above the high-water mark, and not down to the low one yet */
	bool reading, sending;        /* a call waits */
	bool polling_in, polling_out; /* a call waits for readiness, which refuses no bytes to others */
	bool flushing;                /* in the loop's list of flushes */
	bool in_pipe;                 /* a copy has bytes of it in a pipe, which come before all others */
	bool is_greeting;             /* the protocol will be told about the stream, or about what has arrived */
	bool made;                    /* the protocol's connection_made was called */
	bool eof_told;                /* and its eof_received */
	bool late;                    /* the deadline has passed */
	uint8_t small_reads;          /* in a row, which filled little of their buffer */
	aw_status hiccup;             /* for the next read only: out of memory */
	uint32_t next_read;           /* size of the next read, from what the last ones brought */
	in_buffer in;
	size_t limit;
	size_t need; /* a reader waits for that many bytes: the limit gives way to it */
	out_queue out;
	wait_queue readers, writers, drains, closes;
	size_t high, low;
	ready_item flush; /* sends what one iteration has written */
	aw_error *error;  /* of the same status as `failure`, by aw_stream_fail(); or NULL */
	const void *origin;
	closer closer;
	alarm_clock deadline;     /* of the end; has a reference while it is set */
	ready_item end;           /* begins the end, in the iteration after close() */
	struct sockaddr_in6 peer; /* of a TCP connection, which forgets it when the peer has gone */
	socklen_t peer_length;
	struct fd_queue *fds; /* received, with AW_STREAM_RECEIVE_FDS; or NULL */
	aw_destroy_fn protocol_destroy;
	void (*on_closed)(aw_stream *self, void *owner); /* for a server, whose connection it is; or NULL */
	void *owner;
	ready_item greeting;
};

extern const object_class stream_class;

/* aw_stream_new() and the like for internal callers: not handed out. */
aw_status stream_make(aw_loop *loop, const aw_stream_methods *methods, void *ud,
                      const aw_stream_options *options, const void *origin, aw_stream **out);
aw_status stream_from_fd(aw_loop *loop, int fd, const aw_stream_options *options, const void *origin,
                         aw_stream **out);
/*
 * The same over a connected stream socket of a family that the caller has made, which is not asked what it is.
 * `peer_length` is 0 if the peer's address is not known.
 */
aw_status stream_from_socket(aw_loop *loop, int fd, int family, const struct sockaddr_storage *peer,
                             socklen_t peer_length, const aw_stream_options *options, const void *origin,
                             aw_stream **out);
/* Options, or NULL, in this library's size. */
static inline aw_status stream_options_read(const aw_stream_options *from, aw_stream_options *to) {
	const uint32_t all = AW_STREAM_NO_READ_AHEAD | AW_STREAM_RECEIVE_FDS | AW_STREAM_NO_RESET;
	aw_status status = SIZED_READ(aw_stream_options, to, from, low_water);
	return status == 0 && to->flags & ~all ? -EINVAL : status;
}

/* Whether it is directly over a Unix socket. */
bool stream_is_unix(const aw_stream *self);
/* Whether a read of its descriptor has found the end of what had arrived, and nothing else has been told since. */
bool stream_fd_is_empty(const aw_stream *self);
/* Whether what has arrived is bytes in a socket, and can wait there. */
bool stream_fd_can_defer(const aw_stream *self);
/* How many bytes have arrived in the socket below and were not read; `otherwise` if it is not over a socket. */
size_t stream_fd_unread(const aw_stream *self, size_t otherwise);
/* Reading is paused: what arrives from now on stays in the socket. */
void stream_fd_pause(aw_stream *self);
/* The stream ends: its polls, and the receive that lasts, are cancelled. */
void stream_fd_cancel(aw_stream *self);
/* Takes what the backend has received, if that is a single buffer; the caller gives it back. NULL: it is not. */
aw_buffer *stream_fd_take(aw_stream *self);

/* Returns 0 if the calling thread may use the stream. */
aw_status stream_check(const aw_stream *self);
/* aw_stream_ready() without checks. */
void stream_ready(aw_stream *self, uint32_t events);
/* Asks the methods for events. */
void stream_watch(aw_stream *self, uint32_t events);
/* Continues or pauses reading, after something has changed. */
void stream_update_reading(aw_stream *self);
/* Reads once from the methods into the buffer. Returns the count, 0 at the end, -EAGAIN, or an error. */
aw_status stream_fill(aw_stream *self);
/*
 * Carries out the read that was left to a reader, which may not come: everybody who could tell the difference calls
 * this first. Returns as stream_fill().
 */
aw_status stream_read_deferred(aw_stream *self);
void stream_note_unusual_read(aw_stream *self, size_t count, size_t room);
/* Adapts the size of the next read to one that has brought `count` bytes into `room`. */
static inline void stream_note_read(aw_stream *self, size_t count, size_t room) {
	if (count == room || self->next_read > BUFFER_MIN) stream_note_unusual_read(self, count, room);
}
/* Sends as much as possible of what is queued. */
void stream_flush(aw_stream *self);
/* Pauses or resumes the writers, by the marks. */
void stream_update_writing(aw_stream *self);
/* The connection has failed: it is closed in the next iteration. */
void stream_fail(aw_stream *self, aw_status status);
/* The same, for a failure to write. */
void stream_fail_writing(aw_stream *self, aw_status status);
/* Returns the failure, and notes that the program knows it; or `otherwise`. */
aw_status stream_failure(aw_stream *self, aw_status otherwise);
/* Returns 0 if something may be written. */
aw_status stream_writing_check(aw_stream *self);
/* A call begins that sends without the queue; others are refused until it has ended. */
aw_status stream_sending_begin(aw_stream *self);
/* Writes at once, past the queue, which has to be empty: how much was taken, possibly 0. */
aw_status stream_send_now(aw_stream *self, const void *data, size_t length);
/* For a call that sends, which has to wait while something is queued: 0, -EAGAIN, or an error. */
aw_status stream_may_send(aw_stream *self);
/* What was asked for while a call was sending has waited for it. */
void stream_sending_ended(aw_stream *self);
/* Keeps the stream alive, until it is closed or let go. */
void stream_hold(aw_stream *self);
void stream_let_go(aw_stream *self);
/* Aborts the stream at a time, unless it is closed by then. */
aw_status stream_set_deadline(aw_stream *self, int64_t when);
void stream_close(aw_stream *self);
void stream_abort(aw_stream *self);

/* --- descriptors.c --- */

/* Whether a stream over them can have AW_STREAM_RECEIVE_FDS; in fd.c. */
bool methods_receive_fds(const aw_stream_methods *methods);
/* Returns NULL if out of memory. */
struct fd_queue *fd_queue_new(void);
/* Closes the descriptors that nobody has taken, and releases the queue. */
void fd_queue_clear(aw_stream *self);
/* Reads from the socket; descriptors go to the queue. Results as those of `read` in the methods. */
aw_status fd_queue_read(aw_stream *self, int socket, void *buffer, size_t length);

/* --- protocol.c --- */

/* Reads once, and passes on what has arrived. Returns as stream_fill(). */
aw_status protocol_read(aw_stream *self);
/* Whether the protocol takes bytes where they are. */
bool protocol_borrows(const aw_stream *self);
void protocol_eof(aw_stream *self);
/* Reading is not paused any more: passes on what had arrived before, in the next iteration. */
void protocol_resume(aw_stream *self);
void protocol_lost(aw_stream *self);
void protocol_writing(aw_stream *self, bool paused);
/* Drops the protocol. */
void protocol_clear(aw_stream *self);

#endif
