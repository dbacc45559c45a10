/* SPDX-License-Identifier: MIT */
/*
 * Slab allocator for handles. A cache refills from the depot, and the depot from malloc in blocks, which are
 * kept until the program asks for all of them to be freed.
 *
 * Under AddressSanitizer every object is a separate allocation, so that ASan detects a use after free.
 */
#include "slab.h"

#include "threads.h"

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
 * Moves up to a block's worth of slots from the depot to `cache` and returns one. Without a cache, takes just
 * one.
 */
static slab_slot *depot_take(slab_cache *cache, size_t class) {
	pthread_mutex_lock(&threads_mutex);
	if (!depot[class] && !depot_grow(class)) {
		pthread_mutex_unlock(&threads_mutex);
		return NULL;
	}
	slab_slot *slot = depot[class];
	if (!cache) {
		depot[class] = slot->next;
	} else {
		slab_slot *last = slot;
		for (size_t n = SLAB_BLOCK / ((class + 1) * SLAB_STEP); n > 1 && last->next; n--) last = last->next;
		depot[class] = last->next;
		last->next = NULL;
		cache->free[class] = slot->next;
	}
	pthread_mutex_unlock(&threads_mutex);
	return slot;
}

void *slab_take_elsewhere(slab_cache *cache, size_t size) {
	if (SLAB_PLAIN || size > SLAB_LARGEST) return calloc(1, size);
	slab_slot *slot = depot_take(cache, slab_class(size));
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

void slab_empty(slab_cache *cache) {
	pthread_mutex_lock(&threads_mutex);
	for (size_t class = 0; class < SLAB_CLASSES; class ++) {
		slab_slot *slot = cache->free[class];
		if (!slot) continue;
		while (slot->next) slot = slot->next;
		slot->next = depot[class];
		depot[class] = cache->free[class];
		cache->free[class] = NULL;
	}
	pthread_mutex_unlock(&threads_mutex);
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
