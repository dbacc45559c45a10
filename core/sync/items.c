/* SPDX-License-Identifier: MIT */
/* Storage of a queue's items. Capacity doubles when full. */
#include "items.h"

#include "object.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static aw_status items_grow(items *self) {
	size_t capacity = self->capacity ? self->capacity * 2 : 16;
	items_entry *entries = calloc(capacity, sizeof *entries);
	if (!entries) return -ENOMEM;
	for (size_t i = 0; i < self->count; i++) entries[i] = self->entries[(self->head + i) % self->capacity];
	free(self->entries);
	self->entries = entries;
	self->capacity = capacity;
	self->head = 0;
	return 0;
}

static bool before(const items *self, const items_entry *a, const items_entry *b) {
	int32_t order = self->compare(a->item.data, b->item.data, self->ud);
	return order ? order < 0 : a->sequence < b->sequence;
}

static void sift_up(void *arg) {
	items *self = arg;
	size_t index = self->count - 1;
	items_entry entry = self->entries[index];
	for (; index > 0 && before(self, &entry, &self->entries[(index - 1) / 2]); index = (index - 1) / 2)
		self->entries[index] = self->entries[(index - 1) / 2];
	self->entries[index] = entry;
}

/* Sifts down the former last entry from the root. */
static void sift_down(void *arg) {
	items *self = arg;
	items_entry entry = self->entries[self->count];
	size_t index = 0;
	for (size_t child; (child = index * 2 + 1) < self->count; index = child) {
		if (child + 1 < self->count && before(self, &self->entries[child + 1], &self->entries[child]))
			child++;
		if (!before(self, &self->entries[child], &entry)) break;
		self->entries[index] = self->entries[child];
	}
	self->entries[index] = entry;
}

aw_status items_put(items *self, item_slot item) {
	if (self->count == self->capacity) {
		aw_status status = items_grow(self);
		if (status < 0) return status;
	}
	self->entries[(self->head + self->count++) % self->capacity] = (items_entry){item, self->sequence++};
	/* The comparison is user code: never run it on a coroutine's stack. */
	if (self->order == ITEMS_PRIORITY) call_on_thread_stack(sift_up, self);
	return 0;
}

item_slot items_take(items *self) {
	item_slot item;
	switch (self->order) {
	case ITEMS_FIFO:
		item = self->entries[self->head].item;
		self->head = (self->head + 1) % self->capacity;
		self->count--;
		break;
	case ITEMS_LIFO: item = self->entries[--self->count].item; break;
	default:
		item = self->entries[0].item;
		self->count--;
		if (self->count) call_on_thread_stack(sift_down, self);
	}
	return item;
}

void items_free(items *self) {
	while (self->count) {
		/* Ignores the order: the comparison may be gone. */
		if (self->order == ITEMS_PRIORITY) self->order = ITEMS_LIFO;
		item_slot item = items_take(self);
		object_destroy_user(item.destroy, item.data);
	}
	free(self->entries);
	self->entries = NULL;
	object_destroy_user(self->destroy, self->ud);
}
