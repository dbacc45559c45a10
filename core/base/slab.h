/* SPDX-License-Identifier: MIT */
/*
 * Slab allocator for handles: free lists by size and a cache for each loop, so the hot path takes no lock.
 * Memory is not unmapped, so a stale handle can be read, recognized as freed, and refused with an error.
 */
#ifndef CORE_SLAB_H
#define CORE_SLAB_H

#include <stddef.h>

enum { SLAB_STEP = 32, SLAB_CLASSES = 28, SLAB_LARGEST = SLAB_STEP * SLAB_CLASSES };

typedef struct slab_slot {
	void *reserved; /* overlays the object's class pointer: NULL in a free slot */
	struct slab_slot *next;
} slab_slot;

typedef struct slab_cache {
	slab_slot *free[SLAB_CLASSES];
} slab_cache;

/*
 * Returns `size` bytes of zeroed memory, or NULL. Without a cache, takes from the depot; any thread may do
 * that.
 */
void *slab_take(slab_cache *cache, size_t size);
/* Frees memory, given the size it was allocated with. */
void slab_give(slab_cache *cache, void *memory, size_t size);
/* Returns all slots of a cache to the depot. */
void slab_empty(slab_cache *cache);
/* Frees all blocks. No slot may be allocated or cached. */
void slab_free_all(void);

#endif
