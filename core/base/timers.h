/* SPDX-License-Identifier: MIT */
/*
 * Timers, in the order of their deadlines, then of the calls. Timers are embedded in their owners; the array holds
 * copies of the keys, so that ordering them touches nothing else.
 */
#ifndef CORE_TIMERS_H
#define CORE_TIMERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An id is the sequence number and, in the low bits, the slot. */
enum { TIMER_SLOT_BITS = 28 };
#define TIMER_SLOT_MAX      ((UINT64_C(1) << TIMER_SLOT_BITS) - 1)
#define TIMER_SEQUENCE_STEP (UINT64_C(1) << TIMER_SLOT_BITS)

typedef struct timer {
	int64_t when;
	uint64_t id; /* 0: not set */
} timer;

/* A timer's key, or an earlier one if it has been put off. */
typedef struct timers_entry {
	int64_t when;
	uint64_t id;
} timers_entry;

/* Leads from an entry to its timer. An entry moves and its slot does not. */
typedef union timers_slot {
	timer *owner;       /* NULL: cancelled */
	uint32_t next_free; /* 0: none */
} timers_slot;

typedef struct timers {
	/* Ordered ones, then new ones as they came. The one before entries[0] is earlier than any timer. */
	timers_entry *entries;
	timers_slot *slots;
	int64_t new_min;          /* no new one is earlier; INT64_MAX if there are none */
	uint64_t next_id;         /* without slot; 0: no sequence numbers are left */
	uint32_t first;           /* index of the first entry */
	uint32_t count, capacity; /* of entries, which includes those of `cancelled` timers */
	uint32_t ordered;         /* of `count` */
	uint32_t cancelled;
	uint32_t free_slot, slots_used;
	bool is_heap; /* the ordered ones, or else they are sorted */
} timers;

/* Adds a timer, or moves it. False if out of memory, which a move can't be. */
bool timers_set(timers *self, timer *what, int64_t when);
/* Removes a timer if it is set. */
void timers_remove(timers *self, timer *what);
/* Removes and returns the first timer that is due at `now`, or NULL. */
timer *timers_take_due(timers *self, int64_t now);
/* Returns the earliest deadline, or INT64_MAX. */
int64_t timers_deadline(timers *self);
/* Gives back memory that a peak has left. */
void timers_trim(timers *self);
void timers_free(timers *self);

static inline uint32_t timer_slot(uint64_t id) {
	return (uint32_t)(id & TIMER_SLOT_MAX);
}

/* Returns a time before which no timer is due: cheaper than the deadline, which may be later. */
static inline int64_t timers_bound(const timers *self) {
	if (!self->count) return INT64_MAX;
	int64_t first = self->ordered ? self->entries[self->first].when : INT64_MAX;
	return self->new_min < first ? self->new_min : first;
}

static inline bool timer_is_set(const timer *self) {
	return self->id != 0;
}

/* Moves a timer to a later time. False if that is not what `when` means, and nothing has happened. */
static inline bool timers_put_off(timers *self, timer *what, int64_t when) {
	if (!what->id || when < what->when || !self->next_id) return false;
	what->when = when;
	what->id = self->next_id | timer_slot(what->id);
	self->next_id += TIMER_SEQUENCE_STEP;
	return true;
}

/* Removes a timer that is set, if it is the first of several in order. Else false, and nothing has happened. */
static inline bool timers_remove_first(timers *self, timer *what) {
	uint32_t slot = timer_slot(what->id);
	if (timer_slot(self->entries[self->first].id) != slot) return false;
	if (self->ordered < 2 || self->is_heap || self->cancelled) return false;
	self->slots[slot].next_free = self->free_slot;
	self->free_slot = slot;
	self->ordered--;
	self->count--;
	self->first++;
	what->id = 0;
	return true;
}

/* Adds a timer that is not set, if there is room. Else false, and nothing has happened. */
static inline bool timers_append(timers *self, timer *what, int64_t when) {
	uint32_t end = self->first + self->count;
	if (__builtin_expect(end >= self->capacity || !self->next_id, 0)) return false;
	uint32_t slot = self->free_slot;
	if (slot)
		self->free_slot = self->slots[slot].next_free;
	else
		slot = ++self->slots_used;
	self->slots[slot].owner = what;
	what->when = when;
	what->id = self->next_id | slot;
	self->next_id += TIMER_SEQUENCE_STEP;
	timers_entry *entry = &self->entries[end];
	*entry = (timers_entry){when, what->id};
	bool is_in_order = self->ordered == self->count && !self->is_heap && when >= entry[-1].when;
	if (__builtin_expect(is_in_order, 1))
		self->ordered++;
	else if (when < self->new_min)
		self->new_min = when;
	self->count++;
	return true;
}

#endif
