/* SPDX-License-Identifier: MIT */
/*
 * Memory that the kernel copies to and from. On many processors of AMD, the instruction that it copies with takes 15
 * times as long where the destination is up to 31 bytes behind the source within a page. What arrives begins at
 * the start of a page, or at a cache line, and large memory from malloc(3) is 16 bytes behind that.
 */
#ifndef CORE_BASE_IO_MEMORY_H
#define CORE_BASE_IO_MEMORY_H

#include <stddef.h>
#include <stdlib.h>

enum { IO_ALIGNMENT = 64 };

/* As malloc(3), at the start of a cache line; free(3) releases it. */
static inline void *io_malloc(size_t size) {
	void *memory;
	return posix_memalign(&memory, IO_ALIGNMENT, size) == 0 ? memory : NULL;
}

#endif
