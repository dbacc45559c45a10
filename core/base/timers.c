/* SPDX-License-Identifier: MIT */
/* A 4-ary heap has half the depth of a binary one, and a node's children share a cache line or two. */
#include "timers.h"

#include <stdlib.h>

static bool before(const timers_entry *a, const timers_entry *b) {
	return a->when != b->when ? a->when < b->when : a->sequence < b->sequence;
}

static void put(timers *self, size_t index, timers_entry entry) {
	self->heap[index] = entry;
	entry.owner->place = index + 1;
}

static void sift_up(timers *self, size_t index, timers_entry entry) {
	while (index > 0) {
		size_t parent = (index - 1) / 4;
		if (!before(&entry, &self->heap[parent])) break;
		put(self, index, self->heap[parent]);
		index = parent;
	}
	put(self, index, entry);
}

static void sift_down(timers *self, size_t index, timers_entry entry) {
	for (;;) {
		size_t first = index * 4 + 1, least = first;
		if (first >= self->count) break;
		for (size_t child = first + 1; child < first + 4 && child < self->count; child++)
			if (before(&self->heap[child], &self->heap[least])) least = child;
		if (!before(&self->heap[least], &entry)) break;
		put(self, index, self->heap[least]);
		index = least;
	}
	put(self, index, entry);
}

bool timers_add(timers *self, timer *what, int64_t when) {
	if (self->count == self->capacity) {
		size_t capacity = self->capacity ? self->capacity * 2 : 64;
		timers_entry *heap = realloc(self->heap, capacity * sizeof *heap);
		if (!heap) return false;
		self->heap = heap;
		self->capacity = capacity;
	}
	what->when = when;
	what->sequence = self->sequence++;
	sift_up(self, self->count++, (timers_entry){when, what->sequence, what});
	return true;
}

void timers_remove(timers *self, timer *what) {
	if (!what->place) return;
	size_t index = what->place - 1;
	what->place = 0;
	timers_entry last = self->heap[--self->count];
	if (index == self->count) return;
	if (index > 0 && before(&last, &self->heap[(index - 1) / 4]))
		sift_up(self, index, last);
	else
		sift_down(self, index, last);
}

timer *timers_take_due(timers *self, int64_t now) {
	if (!self->count || self->heap[0].when > now) return NULL;
	timer *first = self->heap[0].owner;
	timers_remove(self, first);
	return first;
}

int64_t timers_deadline(const timers *self) {
	return self->count ? self->heap[0].when : INT64_MAX;
}

void timers_free(timers *self) {
	free(self->heap);
	*self = (timers){0};
}
