/* SPDX-License-Identifier: MIT */
/*
 * Slab allocator for handles. A cache refills from the depot, and the depot from malloc in blocks, which are
 * kept until the program asks for all of them to be freed.
 *
 * Under AddressSanitizer every object is a separate allocation, so that ASan detects a use after free.
 */
#include "slab.h"

#include "threads.h"
#include "tsan.h"

#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { SLAB_BLOCK = 16 * 1024 };

/* Guarded by threads_mutex. The blocks are linked, so that a leak checker considers them reachable. */
static slab_slot *depot[SLAB_CLASSES];
typedef struct slab_block {
	struct slab_block *next;
	void *align;
} slab_block;
static slab_block *blocks;

/* Adds a block's worth of slots to the depot. */
static int depot_grow(size_t class) {
	size_t step = (class + 1) * SLAB_STEP;
	slab_block *block = malloc(SLAB_BLOCK);
	if (!block) return 0;
	block->next = blocks;
	blocks = block;
	char *at = (char *)(block + 1), *end = (char *)block + SLAB_BLOCK;
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

/*
 * Moves up to a block's worth of slots from the depot to `free` and returns one. Without `free`, takes just one.
 */
static slab_slot *depot_take(slab_slot **free, size_t class) {
	pthread_mutex_lock(&threads_mutex);
	if (!depot[class] && !depot_grow(class)) {
		pthread_mutex_unlock(&threads_mutex);
		return NULL;
	}
	slab_slot *slot = depot[class];
	if (!free) {
		depot[class] = slot->next;
	} else {
		slab_slot *last = slot;
		for (size_t n = SLAB_BLOCK / ((class + 1) * SLAB_STEP); n > 1 && last->next; n--) last = last->next;
		depot[class] = last->next;
		last->next = NULL;
		*free = slot->next;
	}
	pthread_mutex_unlock(&threads_mutex);
	return slot;
}

void *slab_take_elsewhere(slab_cache *cache, size_t size) {
	if (SLAB_PLAIN || size > SLAB_LARGEST) return calloc(1, size);
	slab_slot *slot = depot_take(cache ? &cache->free[slab_class(size)] : NULL, slab_class(size));
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
	for (size_t class = 0; class < SLAB_CLASSES; class ++) depot_give_all(&cache->free[class], class);
	pthread_mutex_unlock(&threads_mutex);
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
		slot = depot_take(&self->free, slab_class(size));
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

void slab_free_all(void) {
	pthread_mutex_lock(&threads_mutex);
	for (size_t class = 0; class < SLAB_CLASSES; class ++) depot[class] = NULL;
	for (slab_block *block; (block = blocks);) {
		blocks = block->next;
		free(block);
	}
	pthread_mutex_unlock(&threads_mutex);
}
