/* SPDX-License-Identifier: MIT */
/*
 * Most programs set timers in the order of their deadlines, since they use the same limit again and again. As long as
 * that holds, the array is sorted: a new timer goes to its end and the due ones leave at its front. The first timer out
 * of order makes it a heap, which a sorted array is already, until it is empty.
 *
 * A 4-ary heap has half the depth of a binary one, and a node's children share a cache line or two.
 *
 * Most timers are limits that never pass: they are cancelled, or put off again and again. Both only mark the entry,
 * which is put right when it comes to the top.
 */
#include "timers.h"

#include <stdlib.h>

enum { TIMERS_MIN = 64 };

/* Without branches, which would be mispredicted half of the time. */
static inline bool before(const timers_entry *a, const timers_entry *b) {
#ifdef __SIZEOF_INT128__
	__extension__ typedef __int128 key;
	key first = (key)a->when * ((key)1 << 64) + (key)a->sequence;
	key second = (key)b->when * ((key)1 << 64) + (key)b->sequence;
	return first < second;
#else
	return a->when != b->when ? a->when < b->when : a->sequence < b->sequence;
#endif
}

static inline void put(timers_entry *heap, size_t index, timers_entry entry) {
	heap[index] = entry;
	if (entry.owner) entry.owner->place = index + 1;
}

/* Puts an entry in the gap at `index`, or above it, but not above `top`. */
static inline void sift_up(timers_entry *heap, size_t index, size_t top, timers_entry entry) {
	while (index > top) {
		size_t parent = (index - 1) / 4;
		if (!before(&entry, &heap[parent])) break;
		put(heap, index, heap[parent]);
		index = parent;
	}
	put(heap, index, entry);
}

static size_t least_of(const timers_entry *heap, size_t first, size_t end) {
	size_t least = first;
	for (size_t i = first + 1; i < end; i++)
		if (before(&heap[i], &heap[least])) least = i;
	return least;
}

/*
 * Puts an entry in the gap at `top`, or below it. It most likely belongs near the bottom, so the gap moves there first,
 * without a look at the entry.
 */
__attribute__((noinline)) static void sift_down(timers *self, size_t top, timers_entry entry) {
	timers_entry *heap = self->heap;
	size_t index = top, count = self->count;
	for (size_t first; (first = index * 4 + 1) < count;) {
		size_t least;
		if (first + 4 <= count) {
			size_t a = first + before(&heap[first + 1], &heap[first]);
			size_t b = first + 2 + before(&heap[first + 3], &heap[first + 2]);
			least = before(&heap[b], &heap[a]) ? b : a;
		} else {
			least = least_of(heap, first, count);
		}
		put(heap, index, heap[least]);
		index = least;
	}
	sift_up(heap, index, top, entry);
}

/* --- room in the array --- */

static bool resize(timers *self, size_t capacity) {
	timers_entry *heap = realloc(self->heap, capacity * sizeof *heap);
	if (!heap) return false;
	self->heap = heap;
	self->capacity = capacity;
	return true;
}

/* Moves the entries to the array's start. */
static void shift(timers *self) {
	for (size_t i = 0; i < self->count; i++) put(self->heap, i, self->heap[self->first + i]);
	self->first = 0;
}

/* Gives back memory that a peak has left. */
static void shrink(timers *self) {
	size_t capacity = self->capacity;
	while (capacity > TIMERS_MIN && self->count < capacity / 4) capacity /= 2;
	if (capacity < self->capacity) (void)resize(self, capacity);
}

/* Makes room for an entry at the end. Can't fail if there is some at the start. */
__attribute__((cold, noinline)) static bool make_room(timers *self) {
	bool is_half_free = self->first > self->capacity / 2;
	if (!is_half_free && resize(self, self->capacity ? self->capacity * 2 : TIMERS_MIN)) return true;
	if (!self->first) return false;
	shift(self);
	shrink(self);
	return true;
}

static void clear(timers *self) {
	self->count = self->first = self->cancelled = 0;
	self->is_heap = false;
}

/* Drops the entries of cancelled timers. */
__attribute__((noinline)) static void compact(timers *self) {
	size_t count = 0;
	if (self->cancelled < self->count)
		for (size_t i = 0; i < self->count; i++)
			if (self->heap[self->first + i].owner) put(self->heap, count++, self->heap[self->first + i]);
	self->count = count;
	self->first = self->cancelled = 0;
	if (!count) self->is_heap = false;
	if (self->is_heap)
		for (size_t i = (count + 2) / 4; i-- > 0;) sift_down(self, i, self->heap[i]);
	shrink(self);
}

/* --- entries --- */

/* Requires room at the end. */
static inline void insert(timers *self, timers_entry entry) {
	size_t index = self->first + self->count;
	if (!self->is_heap && self->count && before(&entry, &self->heap[index - 1])) {
		if (self->first) shift(self);
		self->is_heap = true;
		index = self->count;
	}
	self->count++;
	if (self->is_heap)
		sift_up(self->heap, index, 0, entry);
	else
		put(self->heap, index, entry);
}

static inline void remove_first(timers *self) {
	if (--self->count == 0)
		clear(self);
	else if (self->is_heap)
		sift_down(self, 0, self->heap[self->count]);
	else
		self->first++;
}

/* Puts the first entry right. False if there is none. */
__attribute__((noinline)) static bool settle(timers *self) {
	while (self->count) {
		const timers_entry *first = &self->heap[self->first];
		timer *owner = first->owner;
		if (owner && owner->sequence == first->sequence) return true;
		if (!owner) {
			self->cancelled--;
			remove_first(self);
			continue;
		}
		timers_entry entry = {owner->when, owner->sequence, owner};
		if (self->is_heap) {
			sift_down(self, 0, entry);
		} else {
			remove_first(self);
			if (self->first + self->count == self->capacity) (void)make_room(self);
			insert(self, entry);
		}
	}
	return false;
}

__attribute__((noinline)) static bool set_out_of_order(timers *self, timer *what, int64_t when) {
	if (timers_put_off(self, what, when)) return true;
	if (!what->place && self->first + self->count == self->capacity && !make_room(self)) return false;
	what->when = when;
	what->sequence = self->sequence++;
	timers_entry entry = {when, what->sequence, what};
	if (!what->place) {
		insert(self, entry);
		return true;
	}
	/* An earlier time for one that is set. */
	if (self->first) shift(self);
	self->is_heap = true;
	sift_up(self->heap, what->place - 1, 0, entry);
	return true;
}

bool timers_set(timers *self, timer *what, int64_t when) {
	if (!what->place && timers_append(self, what, when)) return true;
	return set_out_of_order(self, what, when);
}

static inline bool has_cancelled_first(const timers *self) {
	return self->count && !self->heap[self->first].owner;
}

void timers_remove(timers *self, timer *what) {
	if (!what->place) return;
	size_t index = what->place - 1;
	what->place = 0;
	if (index == self->first && !self->is_heap) {
		remove_first(self);
		while (has_cancelled_first(self)) {
			self->cancelled--;
			remove_first(self);
		}
		return;
	}
	if (index + 1 == self->first + self->count) {
		self->count--;
	} else {
		self->heap[index].owner = NULL;
		self->cancelled++;
	}
	/* Each run of it is paid for by the entries that it drops. */
	if (self->cancelled > self->count - self->count / 4 || self->cancelled == self->count) compact(self);
}

timer *timers_take_due(timers *self, int64_t now) {
	/* If even the first entry's time has not come, it need not be put right. */
	if (!self->count || self->heap[self->first].when > now) return NULL;
	timer *first = self->heap[self->first].owner;
	if (!first || first->sequence != self->heap[self->first].sequence) {
		if (!settle(self) || self->heap[self->first].when > now) return NULL;
		first = self->heap[self->first].owner;
	}
	first->place = 0;
	remove_first(self);
	return first;
}

int64_t timers_deadline(timers *self) {
	return settle(self) ? self->heap[self->first].when : INT64_MAX;
}

void timers_free(timers *self) {
	free(self->heap);
	*self = (timers){0};
}
