/* SPDX-License-Identifier: MIT */
/*
 * Memory for handles: free lists by size, one cache a loop, so that the hot path takes and gives without a
 * lock. Memory is never unmapped: a stale handle can be read, found dead, and answered with an error.
 */
#ifndef CORE_SLAB_H
#define CORE_SLAB_H

#include <stddef.h>

enum { SLAB_STEP = 32, SLAB_CLASSES = 24, SLAB_LARGEST = SLAB_STEP * SLAB_CLASSES };

typedef struct slab_slot {
	void *reserved; /* the object's class pointer stands here: zero in a free slot */
	struct slab_slot *next;
} slab_slot;

typedef struct slab_cache {
	slab_slot *free[SLAB_CLASSES];
} slab_cache;

/* Memory of `size` bytes, zeroed, or NULL. `cache` NULL takes from the depot, from any thread. */
void *slab_take(slab_cache *cache, size_t size);
/* Gives it back with the same size. */
void slab_give(slab_cache *cache, void *memory, size_t size);
/* Returns a whole cache to the depot. */
void slab_empty(slab_cache *cache);
/* Frees all blocks: nothing is taken, and every cache is empty. */
void slab_free_all(void);

#endif
