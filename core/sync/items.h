/* SPDX-License-Identifier: MIT */
/* What a queue holds, in one of three orders. */
#ifndef CORE_AWAIT_ITEMS_H
#define CORE_AWAIT_ITEMS_H

#include <await/queue.h>
#include <stddef.h>

typedef struct item_slot {
	void *data;
	aw_destroy_fn destroy;
} item_slot;

enum items_order { ITEMS_FIFO, ITEMS_LIFO, ITEMS_PRIORITY };

typedef struct items_entry {
	item_slot item;
	uint64_t sequence; /* of a priority queue: equals leave as they came */
} items_entry;

typedef struct items {
	enum items_order order;
	aw_compare_fn compare;
	void *ud;
	aw_destroy_fn destroy;
	items_entry *entries; /* a ring from `head` for FIFO, a stack for LIFO, a binary heap for PRIORITY */
	size_t head, count, capacity;
	uint64_t sequence;
} items;

/* -ENOMEM leaves everything as it was. */
aw_status items_put(items *self, item_slot item);
/* The next item; there is one. */
item_slot items_take(items *self);
/* Destroys what is left. */
void items_free(items *self);

#endif
