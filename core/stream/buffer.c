/* SPDX-License-Identifier: MIT */
/* The buffers of a stream. */
#include "buffer.h"

#include "sanitize.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

/* --- memory --- */

/* A pool hides accesses to memory that was released. */
#ifdef CORO_ASAN
#define POOL_MAX 0
#else
#define POOL_MAX (2 * 1024 * 1024)
#endif

/* The list for a capacity, or NULL. */
static void **list_for(buffer_pool *pool, size_t capacity) {
	size_t size = BUFFER_MIN;
	for (size_t i = 0; pool && i < BUFFER_SIZES; i++, size *= 2)
		if (capacity == size) return &pool->free[i];
	return NULL;
}

static void *memory_take(buffer_pool *pool, size_t capacity) {
	void **list = list_for(pool, capacity);
	if (!list || !*list) return malloc(capacity);
	void *memory = *list;
	memcpy(list, memory, sizeof *list);
	pool->size -= capacity;
	return memory;
}

static void memory_give(buffer_pool *pool, void *memory, size_t capacity) {
	void **list = list_for(pool, capacity);
	if (!memory || !list || pool->size + capacity > POOL_MAX) {
		free(memory);
		return;
	}
	memcpy(memory, list, sizeof *list);
	*list = memory;
	pool->size += capacity;
}

void buffer_pool_empty(buffer_pool *self) {
	for (size_t i = 0; i < BUFFER_SIZES; i++)
		while (self->free[i]) {
			void *memory = self->free[i];
			memcpy(&self->free[i], memory, sizeof self->free[i]);
			free(memory);
		}
	self->size = 0;
}

/* --- what has arrived --- */

unsigned char *in_reserve(in_buffer *self, size_t room) {
	if (in_room(self) >= room && self->memory) return self->memory + self->end;
	size_t size = in_size(self);
	if (!self->is_borrowed && self->memory && self->capacity - size >= room && self->start >= size) {
		memcpy(self->memory, in_data(self), size);
	} else {
		if (room > SIZE_MAX / 2 - size) return NULL;
		size_t capacity = size + room;
		/* Twice as much, so that moving the bytes costs a constant for each. */
		if (size && capacity < self->capacity * 2) capacity = self->capacity * 2;
		unsigned char *memory = memory_take(self->pool, capacity);
		if (!memory) return NULL;
		if (size) memcpy(memory, in_data(self), size);
		if (self->is_borrowed && !self->old)
			self->old = self->memory;
		else
			memory_give(self->pool, self->memory, self->capacity);
		self->memory = memory;
		self->capacity = capacity;
	}
	self->start = 0;
	self->end = size;
	return self->memory + size;
}

void in_return(in_buffer *self) {
	self->is_borrowed = false;
	free(self->old);
	self->old = NULL;
	if (self->start == self->end) in_clear(self);
}

void in_clear(in_buffer *self) {
	free(self->old);
	memory_give(self->pool, self->memory, self->capacity);
	*self = (in_buffer){.pool = self->pool};
}

/* --- what has to be sent --- */

struct out_piece {
	out_piece *next;
	size_t start, end, capacity;
	unsigned char data[];
};

/* With its header and that of malloc(3), a piece of the usual size fills four pages. */
enum { PIECE_SIZE = 16 * 1024 - 64 };

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
		added = malloc(sizeof *added + capacity);
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
