/* SPDX-License-Identifier: MIT */
/*
 * Timers: a 4-ary heap ordered by deadline, then by the order of the calls. Timers are embedded in their
 * owners and know their place, so that a cancelled one leaves at once.
 */
#ifndef CORE_TIMERS_H
#define CORE_TIMERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct timer {
	int64_t when;
	uint64_t sequence;
	size_t place; /* index in the heap plus one; 0: not in it */
} timer;

/* The key beside the pointer: sifting touches the array alone. */
typedef struct timers_entry {
	int64_t when;
	uint64_t sequence;
	timer *owner;
} timers_entry;

typedef struct timers {
	timers_entry *heap;
	size_t count, capacity;
	uint64_t sequence;
} timers;

/* Adds it; false without memory. */
bool timers_add(timers *self, timer *what, int64_t when);
/* Takes it out, if it is in. */
void timers_remove(timers *self, timer *what);
/* The first timer with a deadline not after `now`, taken out, or NULL. */
timer *timers_take_due(timers *self, int64_t now);
/* The first deadline, or INT64_MAX. */
int64_t timers_deadline(const timers *self);
void timers_free(timers *self);

static inline bool timer_is_set(const timer *self) {
	return self->place != 0;
}

#endif
