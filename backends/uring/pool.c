/* SPDX-License-Identifier: MIT */
/*
 * A ring of buffers, shared with the kernel. A forked child has a copy of the memory, which the kernel does not
 * write to.
 */
#include "pool.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* Apart by a cache line more than their length, so that the beginnings share no set of the cache. */
enum { STRIDE = POOL_LENGTH + 64 };

static size_t ring_size(void) {
	size_t page = (size_t)sysconf(_SC_PAGESIZE), size = POOL_COUNT * sizeof(struct io_uring_buf);
	return (size + page - 1) / page * page;
}

static size_t memory_size(void) {
	return ring_size() + (size_t)POOL_COUNT * STRIDE;
}

static void publish(pool *self, const aw_buffer *buffer) {
	io_uring_buf_ring_add(self->ring, buffer->data, POOL_LENGTH, (unsigned short)buffer->id,
	                      io_uring_buf_ring_mask(POOL_COUNT), 0);
	io_uring_buf_ring_advance(self->ring, 1);
}

/* Adds some that the kernel did not have before. */
static void add(pool *self, unsigned count) {
	for (unsigned end = self->count + count; self->count < end; self->count++) {
		aw_buffer *buffer = &self->buffers[self->count].base;
		buffer->id = self->count;
		buffer->data = self->memory + ring_size() + (size_t)self->count * STRIDE;
		publish(self, buffer);
	}
}

aw_status pool_open(pool *self, struct io_uring *ring) {
	aw_status status = -ENOMEM;
	void *memory = mmap(NULL, memory_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED) return -errno;
	self->memory = memory;
	self->buffers = calloc(POOL_COUNT, sizeof *self->buffers);
	if (!self->buffers) goto fail;
	struct io_uring_buf_reg registration = {
		.ring_addr = (uint64_t)(uintptr_t)memory, .ring_entries = POOL_COUNT, .bgid = POOL_GROUP};
	status = io_uring_register_buf_ring(ring, &registration, 0);
	if (status < 0) goto fail;
	self->ring = memory;
	io_uring_buf_ring_init(self->ring);
	add(self, POOL_FIRST);
	return 0;
fail:
	pool_free(self);
	return status;
}

pool_buffer *pool_take(pool *self, unsigned id) {
	if (++self->taken == self->count && self->count < POOL_COUNT) add(self, self->count);
	return pool_at(self, id);
}

void pool_give(pool *self, aw_buffer *buffer) {
	self->taken--;
	publish(self, buffer);
}

void pool_free(pool *self) {
	if (self->memory) munmap(self->memory, memory_size());
	free(self->buffers);
	*self = (pool){0};
}
