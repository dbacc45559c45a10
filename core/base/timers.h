/* SPDX-License-Identifier: MIT */
/*
 * Timers: an array ordered by deadline, then by insertion. It is sorted while timers are set in that order, and else a
 * 4-ary heap. Timers are embedded in their owners and know their index, so cancelling one or moving it needs no search.
 */
#ifndef CORE_TIMERS_H
#define CORE_TIMERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct timer {
	int64_t when;
	uint64_t sequence;
	size_t place; /* index in the heap plus one; 0: not in the heap */
} timer;

/*
 * Holds a copy of the key, so that sifting touches only the array. The copy may be earlier than the timer, if that has
 * been put off.
 */
typedef struct timers_entry {
	int64_t when;
	uint64_t sequence;
	timer *owner; /* NULL: cancelled */
} timers_entry;

typedef struct timers {
	timers_entry *heap;
	size_t first;           /* index of the first entry; 0 in a heap */
	size_t count, capacity; /* of entries, which includes those of `cancelled` timers */
	size_t cancelled;
	bool is_heap; /* or else sorted */
	uint64_t sequence;
} timers;

/* Adds a timer, or moves it. False if out of memory, which a move can't be. */
bool timers_set(timers *self, timer *what, int64_t when);
/* Removes a timer if it is in the heap. */
void timers_remove(timers *self, timer *what);
/* Removes and returns the first timer that is due at `now`, or NULL. */
timer *timers_take_due(timers *self, int64_t now);
/* Returns the earliest deadline, or INT64_MAX. */
int64_t timers_deadline(timers *self);
void timers_free(timers *self);

/* Returns a time before which no timer is due: cheaper than the deadline, which may be later. */
static inline int64_t timers_bound(const timers *self) {
	return self->count ? self->heap[self->first].when : INT64_MAX;
}

static inline bool timer_is_set(const timer *self) {
	return self->place != 0;
}

/* Moves a timer to a later time. False if that is not what `when` means, and nothing has happened. */
static inline bool timers_put_off(timers *self, timer *what, int64_t when) {
	if (!what->place || when < self->heap[what->place - 1].when) return false;
	what->when = when;
	what->sequence = self->sequence++;
	return true;
}

/* Adds a timer that is not set, in the usual case: after all others. Else false, and nothing has happened. */
static inline bool timers_append(timers *self, timer *what, int64_t when) {
	/* With none, this is large. */
	size_t last = self->first + self->count - 1;
	bool has_room = last < self->capacity - 1;
	if (__builtin_expect(self->is_heap || !has_room || when < self->heap[last].when, 0)) return false;
	what->when = when;
	what->sequence = self->sequence++;
	what->place = last + 2;
	self->heap[last + 1] = (timers_entry){when, what->sequence, what};
	self->count++;
	return true;
}

#endif
