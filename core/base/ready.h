/* SPDX-License-Identifier: MIT */
/*
 * The ready queue, in FIFO order. Items are embedded in their owners, so queueing allocates nothing. Items
 * are never unlinked: a cancelled one is skipped when it comes up.
 */
#ifndef CORE_READY_H
#define CORE_READY_H

#include <await/base.h>
#include <stddef.h>

typedef struct ready_item {
	struct ready_item *next;
	/* Runs the item, or only releases it if the loop is closing. AW_ESYSTEMEXIT ends the loop's run. */
	aw_status (*run)(struct ready_item *self);
} ready_item;

typedef struct ready_queue {
	ready_item *head;
	ready_item *tail; /* the last item; undefined while head is NULL */
} ready_queue;

static inline void ready_push(ready_queue *self, ready_item *item) {
	item->next = NULL;
	if (self->head)
		self->tail->next = item;
	else
		self->head = item;
	self->tail = item;
}

static inline ready_item *ready_take(ready_queue *self) {
	ready_item *item = self->head;
	if (item) self->head = item->next;
	return item;
}

/* Moves all of `from` to the end of `self`. */
static inline void ready_append(ready_queue *self, ready_queue *from) {
	if (!from->head) return;
	if (self->head)
		self->tail->next = from->head;
	else
		self->head = from->head;
	self->tail = from->tail;
	from->head = NULL;
}

#define container_of(pointer, type, member) ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#endif
