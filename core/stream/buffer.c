/* SPDX-License-Identifier: MIT */
/* The buffers of a stream. */
#include "buffer.h"

#include "io_memory.h"
#include "sanitize.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

/* --- memory --- */

/* A pool hides accesses to memory that was released. */
#ifdef CORO_ASAN
enum { POOL_MIN = 0, POOL_GROWS = false };
#else
enum { POOL_MIN = 2 * 1024 * 1024, POOL_GROWS = true };
#endif

/* The list for a size, or BUFFER_SIZES: it is too large for the pool. */
static size_t list_for(size_t size) {
	if (size <= BUFFER_MIN) return 0;
	if (size > BUFFER_MAX) return BUFFER_SIZES;
	return (size_t)(64 - __builtin_clzll((size - 1) / BUFFER_MIN));
}

void *buffer_take(buffer_pool *pool, size_t *size) {
	size_t list = list_for(*size);
	if (list == BUFFER_SIZES) return io_malloc(*size);
	*size = (size_t)BUFFER_MIN << list;
	if (!pool) return io_malloc(*size);
	void *memory = pool->free[list];
	if (!memory) {
		/* Had the pool kept what it was given, this would have been there. */
		if (pool->dropped >= *size && pool->on_grown && POOL_GROWS) {
			pool->dropped -= *size;
			pool->extra += *size;
		}
		return io_malloc(*size);
	}
	memcpy(&pool->free[list], memory, sizeof memory);
	pool->size -= *size;
	if (pool->size < pool->size_min) pool->size_min = pool->size;
	return memory;
}

void buffer_give(buffer_pool *pool, void *memory, size_t size) {
	size_t list = list_for(size);
	if (!memory || !pool || list == BUFFER_SIZES) {
		free(memory);
		return;
	}
	if (pool->size + size > POOL_MIN + pool->extra) {
		pool->dropped += size;
		free(memory);
		return;
	}
	memcpy(memory, &pool->free[list], sizeof memory);
	pool->free[list] = memory;
	pool->size += size;
	if (pool->size <= POOL_MIN || pool->has_grown) return;
	pool->has_grown = true;
	pool->on_grown(pool);
}

bool buffer_pool_shrink(buffer_pool *self) {
	size_t unused = self->size_min;
	self->extra = self->extra > unused ? self->extra - unused : 0;
	for (size_t list = BUFFER_SIZES; list-- && self->size > POOL_MIN + self->extra;)
		while (self->free[list] && self->size > POOL_MIN + self->extra) {
			void *memory = self->free[list];
			memcpy(&self->free[list], memory, sizeof memory);
			self->size -= (size_t)BUFFER_MIN << list;
			free(memory);
		}
	self->size_min = self->size;
	self->dropped = 0;
	self->has_grown = self->extra;
	return self->has_grown;
}

void buffer_pool_empty(buffer_pool *self) {
	for (size_t i = 0; i < BUFFER_SIZES; i++)
		while (self->free[i]) {
			void *memory = self->free[i];
			memcpy(&self->free[i], memory, sizeof self->free[i]);
			free(memory);
		}
	self->size = self->size_min = 0;
}

/* --- what has arrived --- */

unsigned char *in_reserve(in_buffer *self, size_t room) {
	if (!self->memory) {
		self->memory = buffer_take(self->pool, &room);
		self->capacity = self->memory ? room : 0;
		return self->memory;
	}
	if (in_room(self) >= room) return self->memory + self->end;
	size_t size = in_size(self);
	if (!self->is_borrowed && self->capacity - size >= room && self->start >= size) {
		memcpy(self->memory, in_data(self), size);
	} else {
		if (room > SIZE_MAX / 2 - size) return NULL;
		size_t capacity = size + room;
		/* Twice as much, so that moving the bytes costs a constant for each. */
		if (size && capacity < self->capacity * 2) capacity = self->capacity * 2;
		unsigned char *memory = buffer_take(self->pool, &capacity);
		if (!memory) return NULL;
		if (size) memcpy(memory, in_data(self), size);
		if (self->is_borrowed && !self->old)
			self->old = self->memory;
		else
			buffer_give(self->pool, self->memory, self->capacity);
		self->memory = memory;
		self->capacity = capacity;
	}
	self->start = 0;
	self->end = size;
	return self->memory + size;
}

void in_return_some(in_buffer *self) {
	self->is_borrowed = false;
	if (self->old) free(self->old);
	self->old = NULL;
	if (self->start == self->end) in_clear(self);
}

void in_clear(in_buffer *self) {
	if (!self->memory) return;
	free(self->old);
	buffer_give(self->pool, self->memory, self->capacity);
	*self = (in_buffer){.pool = self->pool};
}

/* --- what has to be sent --- */

struct out_piece {
	out_piece *next;
	size_t start, end, capacity;
	alignas(IO_ALIGNMENT) unsigned char data[];
};

/* With its header, a piece of the usual size fills four pages. */
enum { PIECE_SIZE = 16 * 1024 - sizeof(out_piece) };

bool out_append(out_queue *self, const struct iovec *parts, size_t count, size_t skip) {
	size_t total = 0;
	for (size_t i = 0; i < count; i++) {
		if (parts[i].iov_len > SIZE_MAX / 2 - total) return false;
		total += parts[i].iov_len;
	}
	total -= skip;
	if (!total) return true;
	size_t room = self->last ? self->last->capacity - self->last->end : 0;
	out_piece *added = NULL;
	if (total > room) {
		size_t capacity = total - room < PIECE_SIZE ? PIECE_SIZE : total - room;
		added = io_malloc(sizeof *added + capacity);
		if (!added) return false;
		added->next = NULL;
		added->start = added->end = 0;
		added->capacity = capacity;
	}
	out_piece *at = self->last;
	for (size_t i = 0; i < count; i++) {
		const unsigned char *data = parts[i].iov_base;
		size_t left = parts[i].iov_len, skipped = skip < left ? skip : left;
		skip -= skipped;
		data += skipped;
		left -= skipped;
		while (left) {
			size_t here = at ? at->capacity - at->end : 0;
			if (!here) {
				if (at)
					at->next = added;
				else
					self->first = added;
				at = self->last = added;
				continue;
			}
			if (here > left) here = left;
			memcpy(at->data + at->end, data, here);
			at->end += here;
			data += here;
			left -= here;
		}
	}
	self->size += total;
	return true;
}

size_t out_parts(const out_queue *self, struct iovec *parts, size_t max) {
	size_t count = 0;
	for (out_piece *at = self->first; at && count < max; at = at->next)
		parts[count++] = (struct iovec){at->data + at->start, at->end - at->start};
	return count;
}

void out_drop(out_queue *self, size_t count) {
	self->size -= count;
	for (out_piece *first; (first = self->first) && count >= first->end - first->start;) {
		count -= first->end - first->start;
		self->first = first->next;
		free(first);
	}
	if (self->first)
		self->first->start += count;
	else
		self->last = NULL;
}

void out_clear(out_queue *self) {
	while (self->first) out_drop(self, self->size);
}
