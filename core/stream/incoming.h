/* SPDX-License-Identifier: MIT */
/*
 * What the backend has received for a socket by itself (AW_OP_RECV_MULTISHOT), and how the stream of bytes has
 * ended, until it is read. The bytes stay in the backend's buffers, which are few, unless they are not read soon.
 */
#ifndef CORE_STREAM_INCOMING_H
#define CORE_STREAM_INCOMING_H

#include "loop.h"

enum {
	INCOMING_MAX = 4095, /* larger reads than that do better without */
	INCOMING_LENT_MAX =
		16 * 1024 /* likewise where a protocol borrows the buffer, so that nothing is copied */
};

/* Tells later that there is something, for a call that must not do so itself. */
typedef struct notice {
	ready_item item;
	void (*run)(struct notice *self);
	bool is_due;
} notice;

typedef struct incoming {
	unsigned char *kept; /* comes first: own memory, or NULL */
	size_t kept_start, kept_end;
	aw_buffer *first, *last;
	size_t start; /* of what was not read of the first buffer */
	size_t size;  /* of all buffers */
	bool has_ended;
	aw_status status; /* then: 0 at an orderly end, or the error */
	notice notice;
} incoming;

void incoming_init(incoming *self, void (*run)(notice *self));
void incoming_append(incoming *self, aw_buffer *buffer);
/* Nothing comes after what is there. */
void incoming_end(incoming *self, aw_status status);
/* Whether there is something to read, an end included. */
static inline bool incoming_has(const incoming *self) {
	return self->kept || self->first || self->has_ended;
}
/* Takes the only buffer that there is, whole; the caller gives it back. NULL: something else is there, or nothing. */
aw_buffer *incoming_take(incoming *self);
/* Reads, like recv(2). */
aw_status incoming_read(incoming *self, aw_loop *loop, void *buffer, size_t length);
/* Moves bytes to a pipe, like splice(2). */
aw_status incoming_write(incoming *self, aw_loop *loop, int pipe_fd, size_t length);
/* It is not going to be read soon: gives the buffers back, if there is memory for the bytes. */
void incoming_keep(incoming *self, aw_loop *loop);
/* Runs the notice in the next dispatch. */
void incoming_notify(incoming *self, aw_loop *loop);
/* Drops what is there. */
void incoming_clear(incoming *self, aw_loop *loop);

#endif
