/* SPDX-License-Identifier: MIT */
/*
 * Slab allocator for handles: free lists by size and a cache for each loop, so the hot path takes no lock.
 * Memory is given back to the kernel but not unmapped, so a stale handle can be read, recognized as freed, and
 * refused with an error.
 */
#ifndef CORE_SLAB_H
#define CORE_SLAB_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define SLAB_PLAIN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SLAB_PLAIN 1
#endif
#endif
#ifndef SLAB_PLAIN
#define SLAB_PLAIN 0
#endif

enum { SLAB_STEP = 32, SLAB_CLASSES = 31, SLAB_LARGEST = SLAB_STEP * SLAB_CLASSES };

typedef struct slab_slot {
	void *reserved; /* overlays the object's class pointer: NULL in a free slot */
	struct slab_slot *next;
} slab_slot;

typedef struct slab_cache {
	slab_slot *free[SLAB_CLASSES];
	slab_slot **aside; /* by class: those that slab_set_aside() took from `free`. NULL until then */
	int64_t slots;  /* taken from the depot and not returned: those in `free` and `aside`, and those in use */
	int64_t others; /* slots in use that are not objects; those are counted by their domain */
} slab_cache;

static inline size_t slab_class(size_t size) {
	return (size - 1) / SLAB_STEP;
}

/* The slow paths: the cache is empty, there is none, or the size is not a slab's. */
void *slab_take_elsewhere(slab_cache *cache, size_t size);
void slab_give_elsewhere(void *memory, size_t size);

/* slab_take() and slab_give() for an object, which its domain counts. */
static inline void *slab_take_object(slab_cache *cache, size_t size) {
	slab_slot *slot = !SLAB_PLAIN && cache && size <= SLAB_LARGEST ? cache->free[slab_class(size)] : NULL;
	if (!slot) return slab_take_elsewhere(cache, size);
	cache->free[slab_class(size)] = slot->next;
	return memset(slot, 0, size);
}

static inline void slab_give_object(slab_cache *cache, void *memory, size_t size) {
	if (SLAB_PLAIN || !cache || size > SLAB_LARGEST) {
		slab_give_elsewhere(memory, size);
		return;
	}
	slab_slot *slot = memory;
	slot->reserved = NULL;
	slot->next = cache->free[slab_class(size)];
	cache->free[slab_class(size)] = slot;
}

/*
 * Returns `size` bytes of zeroed memory, or NULL. Without a cache, takes from the depot; any thread may do
 * that.
 */
static inline void *slab_take(slab_cache *cache, size_t size) {
	void *memory = slab_take_object(cache, size);
	if (cache && memory) cache->others++;
	return memory;
}

/* Frees memory, given the size it was allocated with. */
static inline void slab_give(slab_cache *cache, void *memory, size_t size) {
	if (cache) cache->others--;
	slab_give_object(cache, memory, size);
}

/*
 * A few free slots of one size that threads share: one thread uses memory that others have allocated. Without it
 * the user's cache would take all, and the others would ask the depot for more each time.
 */
typedef struct slab_share {
	_Atomic uint32_t taken; /* by the thread that uses `free` */
	slab_slot *free;
} slab_share;

/* Like slab_take() without a cache. On any thread. */
void *slab_share_take(slab_share *self, size_t size);
/* Moves up to `count` slots from the cache, and returns how many. On the cache's thread. */
size_t slab_share_give(slab_share *self, slab_cache *cache, size_t size, size_t count);
/* Returns all slots of a cache to the depot. */
void slab_empty(slab_cache *cache);
/* Returns all slots of a share to the depot. */
void slab_share_empty(slab_share *self, size_t size);
/*
 * Sets all free slots of a cache aside: they are used when nothing else is free. What slab_trim() finds there
 * was not needed in between. Requires that none are aside.
 */
void slab_set_aside(slab_cache *cache);
/* Returns the slots that are aside to the depot, and what is wholly free there to the kernel. */
void slab_trim(slab_cache *cache);
/* Frees all memory. No slot may be allocated or cached. */
void slab_free_all(void);

#endif
