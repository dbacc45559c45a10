/* SPDX-License-Identifier: MIT */
/*
 * Memory that the kernel copies to and from. On many processors of AMD, the instruction that it copies with takes 15
 * times as long where the destination is up to 31 bytes behind the source within a page. What arrives begins at
 * the start of a page, or at a cache line, and large memory from malloc(3) is 16 bytes behind that.
 */
#ifndef CORE_BASE_IO_MEMORY_H
#define CORE_BASE_IO_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { IO_ALIGNMENT = 64 };

/* As malloc(3), at the start of a cache line; free(3) releases it. */
static inline void *io_malloc(size_t size) {
	void *memory;
	return posix_memalign(&memory, IO_ALIGNMENT, size) == 0 ? memory : NULL;
}

/* Memory that grows while it is filled: `data` is at a cache line within `memory`, which free(3) releases. */
typedef struct io_array {
	unsigned char *memory, *data;
	size_t capacity; /* of `data` */
} io_array;

/* Gives it another capacity; the first `length` bytes stay. False if out of memory, and nothing changes. */
static inline bool io_array_resize(io_array *self, size_t length, size_t capacity) {
	if (capacity > SIZE_MAX - IO_ALIGNMENT) return false;
	size_t before = self->memory ? (size_t)(self->data - self->memory) : 0;
	/* Not a copy: realloc(3) moves the pages of large memory. */
	unsigned char *memory = realloc(self->memory, capacity + IO_ALIGNMENT);
	if (!memory) return false;
	size_t skew = (0 - (uintptr_t)memory) % IO_ALIGNMENT;
	if (skew != before) memmove(memory + skew, memory + before, length);
	*self = (io_array){memory, memory + skew, capacity};
	return true;
}

#endif
