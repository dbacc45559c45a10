/* SPDX-License-Identifier: MIT */
/* The buffers that a ring's receives take one of when something arrives: Linux 5.19. */
#ifndef URING_POOL_H
#define URING_POOL_H

#include <await/backend.h>
#include <liburing.h>

/*
 * The kernel takes the buffers in turn, so that each one in the ring costs a part of the cache: there are few until
 * they have run out once.
 */
enum {
	POOL_GROUP = 0,         /* the kernel's number for them */
	POOL_COUNT = 256,       /* at most; a power of two */
	POOL_FIRST = 32,        /* so many at first */
	POOL_LENGTH = 16 * 1024 /* of a buffer */
};

/* A buffer, and the operation that it has arrived for. */
typedef struct pool_buffer {
	aw_buffer base;
	aw_op *op;
} pool_buffer;

typedef struct pool {
	struct io_uring_buf_ring *ring; /* NULL before first use */
	unsigned char *memory;          /* the ring and the buffers */
	pool_buffer *buffers;
	unsigned count; /* that the kernel may take */
	unsigned taken; /* of them */
} pool;

/* Registers the buffers. Fails if the kernel lacks them, or memory. */
aw_status pool_open(pool *self, struct io_uring *ring);
static inline pool_buffer *pool_at(pool *self, unsigned id) {
	return &self->buffers[id % POOL_COUNT];
}
/* The kernel has taken this one. If it was the last one, their number doubles, up to the most. */
pool_buffer *pool_take(pool *self, unsigned id);
/* Lets the kernel have a buffer again. */
void pool_give(pool *self, aw_buffer *buffer);
/* Frees the memory, once the ring has ended or is not used by this process. */
void pool_free(pool *self);

#endif
