/* SPDX-License-Identifier: MIT */
/* Storage of a queue's items, in one of three orders. */
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
	uint64_t sequence; /* in a priority queue: keeps equal items in FIFO order */
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

/* -ENOMEM leaves the items unchanged. */
aw_status items_put(items *self, item_slot item);
/* Removes the next item. Must not be empty. */
item_slot items_take(items *self);
/* Destroys the remaining items. */
void items_free(items *self);

#endif
