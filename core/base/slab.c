/* SPDX-License-Identifier: MIT */
/*
 * Slab allocator for handles. A cache refills from the depot, and the depot from regions, which stay mapped
 * until the program asks for all of them to be freed. A region is divided into chunks, each for slots of one
 * size for ever, so that a stale handle always points to the start of a slot. The memory of a chunk whose slots
 * are all free can be given back to the kernel (slab_trim()); it then reads as zeros, which is what a free slot
 * begins with.
 *
 * Which chunks are wholly free is found out when memory is given back, from the lists of free slots, so that
 * taking and giving a slot count nothing.
 *
 * Under AddressSanitizer every object is a separate allocation, so that ASan detects a use after free.
 */
#include "slab.h"

#include "sanitize.h"
#include "threads.h"
#include "tsan.h"

#include <assert.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { CHUNK = 16 * 1024, CHUNKS = 64, REGION = CHUNK * CHUNKS };

typedef struct chunk {
	struct chunk *next; /* in `released` */
	uint16_t class;
	uint16_t free;    /* while slots are counted; 0 otherwise */
	bool is_released; /* it has no slots; they are made anew when they are needed */
	bool is_resident; /* has just been released: its memory is to be given back */
} chunk;

/* At the start of its memory, which is aligned to its size. */
typedef struct region {
	struct region *next;
	uint32_t used; /* chunks, which have a class */
	chunk chunks[CHUNKS];
} region;

/* Guarded by threads_mutex. */
static slab_slot *depot[SLAB_CLASSES];
static chunk *released[SLAB_CLASSES];
static region *regions; /* the newest first; only that one may have chunks without a class */

/* --- regions and chunks --- */

static region *region_of(const void *memory) {
	return (region *)((uintptr_t)memory & ~(uintptr_t)(REGION - 1));
}

static chunk *chunk_of(const void *slot) {
	return &region_of(slot)->chunks[((uintptr_t)slot & (REGION - 1)) / CHUNK];
}

static char *chunk_start(const chunk *self) {
	region *home = region_of(self);
	size_t index = (size_t)(self - home->chunks);
	return (char *)home + (index ? index * CHUNK : (sizeof *home + SLAB_STEP - 1) / SLAB_STEP * SLAB_STEP);
}

static char *chunk_end(const chunk *self) {
	region *home = region_of(self);
	return (char *)home + (size_t)(self - home->chunks + 1) * CHUNK;
}

static size_t chunk_slots(const chunk *self) {
	return (size_t)(chunk_end(self) - chunk_start(self)) / ((self->class + 1U) * SLAB_STEP);
}

static region *region_new(void) {
	/* The kernel aligns a mapping to pages only: take twice as much, and unmap what is around. */
	char *memory = mmap(NULL, 2 * (size_t)REGION, PROT_READ | PROT_WRITE,
	                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED) return NULL;
	size_t before = -(uintptr_t)memory & (REGION - 1);
	if (before) (void)munmap(memory, before);
	(void)munmap(memory + before + REGION, REGION - before);
	region *self = (region *)(void *)(memory + before);
	self->next = regions;
	regions = self;
	return self;
}

static chunk *chunk_take(size_t class) {
	chunk *self = released[class];
	if (self) {
		released[class] = self->next;
		self->is_released = false;
		return self;
	}
	region *home = regions && regions->used < CHUNKS ? regions : region_new();
	if (!home) return NULL;
	self = &home->chunks[home->used++];
	self->class = (uint16_t) class;
	return self;
}

/* Adds a chunk's slots to the depot. */
static int depot_grow(size_t class) {
	size_t step = (class + 1) * SLAB_STEP;
	chunk *grown = chunk_take(class);
	if (!grown) return 0;
	char *at = chunk_start(grown), *end = chunk_end(grown);
#ifdef CORO_VALGRIND
	(void)VALGRIND_MAKE_MEM_UNDEFINED(at, (size_t)(end - at));
#endif
	slab_slot *first = NULL, **tail = &first;
	for (; at + step <= end; at += step) {
		slab_slot *slot = (slab_slot *)(void *)at;
		slot->reserved = NULL;
		*tail = slot;
		tail = &slot->next;
	}
	*tail = depot[class];
	depot[class] = first;
	return 1;
}

/* --- the depot --- */

/* Splits a chunk's worth of slots, or all, off a list that is not empty. */
static void list_split(slab_slot **list, size_t class, int64_t *out_count) {
	slab_slot *last = *list;
	size_t most = CHUNK / ((class + 1) * SLAB_STEP), count = 1;
	for (; count < most && last->next; count++) last = last->next;
	*list = last->next;
	last->next = NULL;
	*out_count = (int64_t)count;
}

/*
 * Moves up to a chunk's worth of slots from the depot to `free` and returns one. Without `free`, takes just one.
 * Adds to `out_taken` how many it has taken.
 */
static slab_slot *depot_take(slab_slot **free, size_t class, int64_t *out_taken) {
	pthread_mutex_lock(&threads_mutex);
	if (!depot[class] && !depot_grow(class)) {
		pthread_mutex_unlock(&threads_mutex);
		return NULL;
	}
	slab_slot *slot = depot[class];
	int64_t taken = 1;
	if (free) {
		list_split(&depot[class], class, &taken);
		*free = slot->next;
	} else {
		depot[class] = slot->next;
	}
	pthread_mutex_unlock(&threads_mutex);
	if (out_taken) *out_taken += taken;
	return slot;
}

/* Refills the cache from what was set aside, or from the depot. */
static slab_slot *cache_refill(slab_cache *cache, size_t class) {
	if (!cache->aside || !cache->aside[class]) return depot_take(&cache->free[class], class, &cache->slots);
	slab_slot *slot = cache->aside[class];
	int64_t count;
	list_split(&cache->aside[class], class, &count);
	cache->free[class] = slot->next;
	return slot;
}

void *slab_take_elsewhere(slab_cache *cache, size_t size) {
	if (SLAB_PLAIN || size > SLAB_LARGEST) return calloc(1, size);
	size_t class = slab_class(size);
	slab_slot *slot = cache ? cache_refill(cache, class) : depot_take(NULL, class, NULL);
	return slot ? memset(slot, 0, size) : NULL;
}

void slab_give_elsewhere(void *memory, size_t size) {
	if (SLAB_PLAIN || size > SLAB_LARGEST) {
		free(memory);
		return;
	}
	size_t class = slab_class(size);
	slab_slot *slot = memory;
	slot->reserved = NULL;
	pthread_mutex_lock(&threads_mutex);
	slot->next = depot[class];
	depot[class] = slot;
	pthread_mutex_unlock(&threads_mutex);
}

/* Moves all of `free` to the depot. threads_mutex is held. */
static void depot_give_all(slab_slot **free, size_t class) {
	slab_slot *slot = *free;
	if (!slot) return;
	while (slot->next) slot = slot->next;
	slot->next = depot[class];
	depot[class] = *free;
	*free = NULL;
}

void slab_empty(slab_cache *cache) {
	pthread_mutex_lock(&threads_mutex);
	for (size_t class = 0; class < SLAB_CLASSES; class ++) {
		depot_give_all(&cache->free[class], class);
		if (cache->aside) depot_give_all(&cache->aside[class], class);
	}
	pthread_mutex_unlock(&threads_mutex);
	free(cache->aside);
	cache->aside = NULL;
}

/* --- shared --- */

/* Its users hold it for a few instructions, unless one is preempted: then the others go to the depot. */
enum { SHARE_SPINS = 100 };

static bool share_try_lock(slab_share *self) {
	if (atomic_exchange_explicit(&self->taken, 1, memory_order_acquire)) return false;
	tsan_acquire(self);
	return true;
}

static void share_unlock(slab_share *self) {
	tsan_release(self);
	atomic_store_explicit(&self->taken, 0, memory_order_release);
}

static bool share_lock(slab_share *self) {
	for (int i = 0; i < SHARE_SPINS; i++)
		if (!atomic_load_explicit(&self->taken, memory_order_relaxed) && share_try_lock(self)) return true;
	return false;
}

void *slab_share_take(slab_share *self, size_t size) {
	if (SLAB_PLAIN || size > SLAB_LARGEST || !share_lock(self)) return slab_take_elsewhere(NULL, size);
	slab_slot *slot = self->free;
	if (slot)
		self->free = slot->next;
	else
		slot = depot_take(&self->free, slab_class(size), NULL);
	share_unlock(self);
	return slot ? memset(slot, 0, size) : NULL;
}

size_t slab_share_give(slab_share *self, slab_cache *cache, size_t size, size_t count) {
	if (SLAB_PLAIN || size > SLAB_LARGEST) return count;
	slab_slot **from = &cache->free[slab_class(size)], *first = *from, *last = first;
	if (!first || !share_lock(self)) return 0;
	size_t given = 1;
	for (; given < count && last->next; given++) last = last->next;
	*from = last->next;
	last->next = self->free;
	self->free = first;
	share_unlock(self);
	cache->slots -= (int64_t)given;
	return given;
}

void slab_share_empty(slab_share *self, size_t size) {
	if (SLAB_PLAIN || size > SLAB_LARGEST) return;
	while (!share_lock(self)) sched_yield();
	pthread_mutex_lock(&threads_mutex);
	depot_give_all(&self->free, slab_class(size));
	pthread_mutex_unlock(&threads_mutex);
	share_unlock(self);
}

/* --- memory back to the kernel --- */

/* Counts the list's slots in their chunks. Returns the last one. */
static slab_slot *count_free(slab_slot *list, int64_t *out_count) {
	slab_slot *last = NULL;
	for (slab_slot *slot = list; slot; last = slot, slot = slot->next, ++*out_count) chunk_of(slot)->free++;
	return last;
}

/* Takes the slots of chunks that are wholly free out of the depot. */
static void release_chunks(size_t class) {
	slab_slot **tail = &depot[class];
	for (slab_slot *slot = *tail; slot; slot = slot->next) {
		chunk *home = chunk_of(slot);
		if (!home->is_released && home->free == chunk_slots(home)) {
			home->is_released = home->is_resident = true;
			home->next = released[class];
			released[class] = home;
		}
		if (home->is_released) continue;
		*tail = slot;
		tail = &slot->next;
	}
	*tail = NULL;
}

/* Gives back the memory of released chunks, with one system call for those that lie side by side. */
static void region_trim(region *self, size_t page) {
	for (uint32_t i = 0; i < self->used; i++) {
		uint32_t first = i;
		while (i < self->used && self->chunks[i].is_resident) self->chunks[i++].is_resident = false;
		if (i == first) continue;
		uintptr_t start = (uintptr_t)chunk_start(&self->chunks[first]);
		uintptr_t end = (uintptr_t)self + (size_t)i * CHUNK;
		start = (start + page - 1) / page * page;
		end = end / page * page;
		/* fails in locked memory, which must stay */
		if (start < end) (void)madvise((void *)start, end - start, MADV_DONTNEED);
	}
	for (uint32_t i = 0; i < self->used; i++) self->chunks[i].free = 0;
}

void slab_set_aside(slab_cache *cache) {
	if (SLAB_PLAIN) return;
	if (!cache->aside) cache->aside = calloc(SLAB_CLASSES, sizeof(slab_slot *));
	if (!cache->aside) return; /* what is free stays */
	memcpy(cache->aside, cache->free, sizeof cache->free);
	memset(cache->free, 0, sizeof cache->free);
}

void slab_trim(slab_cache *cache) {
	if (!cache->aside) return;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	int64_t given = 0, others = 0;
	pthread_mutex_lock(&threads_mutex);
	for (size_t class = 0; class < SLAB_CLASSES; class ++) {
		slab_slot *last = count_free(cache->aside[class], &given);
		(void)count_free(depot[class], &others);
		if (last) {
			last->next = depot[class];
			depot[class] = cache->aside[class];
			cache->aside[class] = NULL;
		}
		release_chunks(class);
	}
	for (region *at = regions; at; at = at->next) region_trim(at, page);
	pthread_mutex_unlock(&threads_mutex);
	cache->slots -= given;
}

void slab_free_all(void) {
	pthread_mutex_lock(&threads_mutex);
	for (size_t class = 0; class < SLAB_CLASSES; class ++) {
		depot[class] = NULL;
		released[class] = NULL;
	}
	for (region *first; (first = regions);) {
		regions = first->next;
		(void)munmap(first, REGION);
	}
	pthread_mutex_unlock(&threads_mutex);
}
