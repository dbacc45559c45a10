/* SPDX-License-Identifier: MIT */
/*
 * A 4-ary heap has half the depth of a binary one, and a node's children share a cache line or two.
 *
 * Most timers are limits that never pass: they are cancelled, or put off again and again. Both only mark the entry,
 * which is put right when it comes to the top.
 */
#include "timers.h"

#include <stdlib.h>

enum { TIMERS_MIN = 64 };

static bool before(const timers_entry *a, const timers_entry *b) {
	return a->when != b->when ? a->when < b->when : a->sequence < b->sequence;
}

static void put(timers *self, size_t index, timers_entry entry) {
	self->heap[index] = entry;
	if (entry.owner) entry.owner->place = index + 1;
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

static void remove_first(timers *self) {
	timers_entry last = self->heap[--self->count];
	if (self->count) sift_down(self, 0, last);
}

/* Puts the first entry right. False if there is none. */
static bool settle(timers *self) {
	while (self->count) {
		const timers_entry *first = &self->heap[0];
		timer *owner = first->owner;
		if (!owner) {
			self->cancelled--;
			remove_first(self);
		} else if (owner->sequence != first->sequence) {
			sift_down(self, 0, (timers_entry){owner->when, owner->sequence, owner});
		} else {
			return true;
		}
	}
	return false;
}

static bool resize(timers *self, size_t capacity) {
	timers_entry *heap = realloc(self->heap, capacity * sizeof *heap);
	if (!heap) return false;
	self->heap = heap;
	self->capacity = capacity;
	return true;
}

/* Drops the entries of cancelled timers, and memory that a peak has left. */
static void compact(timers *self) {
	size_t count = 0;
	for (size_t i = 0; i < self->count; i++)
		if (self->heap[i].owner) put(self, count++, self->heap[i]);
	self->count = count;
	self->cancelled = 0;
	for (size_t i = (count + 2) / 4; i-- > 0;) sift_down(self, i, self->heap[i]);
	if (self->capacity > TIMERS_MIN && count < self->capacity / 4) (void)resize(self, self->capacity / 2);
}

bool timers_set(timers *self, timer *what, int64_t when) {
	if (!what->place && self->count == self->capacity &&
	    !resize(self, self->capacity ? self->capacity * 2 : TIMERS_MIN))
		return false;
	what->when = when;
	what->sequence = self->sequence++;
	timers_entry entry = {when, what->sequence, what};
	if (!what->place)
		sift_up(self, self->count++, entry);
	else if (when < self->heap[what->place - 1].when)
		sift_up(self, what->place - 1, entry);
	return true;
}

void timers_remove(timers *self, timer *what) {
	if (!what->place) return;
	size_t index = what->place - 1;
	what->place = 0;
	if (index + 1 == self->count) {
		self->count--;
		return;
	}
	self->heap[index].owner = NULL;
	if (++self->cancelled > TIMERS_MIN && self->cancelled > self->count / 2) compact(self);
}

timer *timers_take_due(timers *self, int64_t now) {
	/* If even the first entry's time has not come, it need not be put right. */
	if (timers_bound(self) > now || !settle(self) || self->heap[0].when > now) return NULL;
	timer *first = self->heap[0].owner;
	first->place = 0;
	remove_first(self);
	return first;
}

int64_t timers_deadline(timers *self) {
	return settle(self) ? self->heap[0].when : INT64_MAX;
}

void timers_free(timers *self) {
	free(self->heap);
	*self = (timers){0};
}
