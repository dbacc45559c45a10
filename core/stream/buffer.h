/* SPDX-License-Identifier: MIT */
/* The two buffers of a stream: what has arrived, and what has to be sent. */
#ifndef CORE_STREAM_BUFFER_H
#define CORE_STREAM_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

struct iovec;

/*
 * Memory that buffers have released, for the next ones: a busy stream needs a buffer for every read, and an idle
 * one none. By sizes, each twice the one before.
 */
enum { BUFFER_MIN = 4 * 1024, BUFFER_MAX = 256 * 1024, BUFFER_SIZES = 7 };

/*
 * It keeps POOL_MIN bytes, and more while buffers are taken that it had no room for. What was not taken between two
 * calls of buffer_pool_shrink() is memory that nobody needs any more.
 */
typedef struct buffer_pool {
	void *free[BUFFER_SIZES]; /* lists, linked by their first bytes */
	size_t size;              /* of all together */
	size_t size_min;          /* since the last shrink */
	size_t extra;             /* how much it may keep besides POOL_MIN */
	size_t dropped;           /* what it had no room for, since the last shrink */
	/* More than POOL_MIN is kept, and a shrink is due at some time. NULL: no more is kept. */
	void (*on_grown)(struct buffer_pool *self);
	bool has_grown; /* that was called */
} buffer_pool;

/* Returns memory of at least *size bytes, in *size how much it is; or NULL. Without a pool, from malloc(3). */
void *buffer_take(buffer_pool *pool, size_t *size);
/* Takes it back. `size` is what buffer_take() has set. */
void buffer_give(buffer_pool *pool, void *memory, size_t size);
/* Releases what was not needed since the last call. True if there is something left that may be released later. */
bool buffer_pool_shrink(buffer_pool *self);
void buffer_pool_empty(buffer_pool *self);

/* What has arrived. It holds no memory while it is empty. */
typedef struct in_buffer {
	buffer_pool *pool; /* or NULL */
	unsigned char *memory;
	size_t capacity;
	size_t start, end; /* of the bytes that were not taken yet */
	/* A view has been given out: the bytes must stay where they are. */
	bool is_borrowed;
	unsigned char *old; /* where a view points, after the bytes were moved; or NULL */
} in_buffer;

static inline size_t in_size(const in_buffer *self) {
	return self->end - self->start;
}
static inline unsigned char *in_data(const in_buffer *self) {
	return self->memory + self->start;
}
/* Returns where at least `room` bytes can be stored after the end, or NULL if out of memory. */
unsigned char *in_reserve(in_buffer *self, size_t room);
static inline size_t in_room(const in_buffer *self) {
	return self->capacity - self->end;
}
/* Takes bytes from the front. The memory is not released, so a view of them stays valid. */
static inline void in_take(in_buffer *self, size_t count) {
	self->start += count;
}
void in_clear(in_buffer *self);
void in_return_some(in_buffer *self);
/* Ends a view, and releases what is not needed any more. */
static inline void in_return(in_buffer *self) {
	if (self->memory) in_return_some(self);
}

/* A piece of what has to be sent. */
typedef struct out_piece out_piece;

typedef struct out_queue {
	out_piece *first, *last;
	size_t size; /* bytes */
} out_queue;

/* Appends a copy of the parts, without the first `skip` bytes. False if out of memory, and nothing changes. */
bool out_append(out_queue *self, const struct iovec *parts, size_t count, size_t skip);
/* Fills in up to `max` parts from the front; returns how many. */
size_t out_parts(const out_queue *self, struct iovec *parts, size_t max);
/* Drops bytes that were sent. */
void out_drop(out_queue *self, size_t count);
void out_clear(out_queue *self);

#endif
