/* SPDX-License-Identifier: MIT */
/*
 * Those who wait in turn: the one wait queue behind locks, events, semaphores, conditions and queues. A place is embedded in the
 * coroutine that waits; its turn is a future, done once it is woken, so that a wake-up given to somebody who is then cancelled can be
 * told and passed on.
 */
#ifndef CORE_AWAIT_LINE_H
#define CORE_AWAIT_LINE_H

#include "future.h"

#include <await/coro.h>

typedef struct place {
	struct place *next, *previous;
	struct line *line; /* NULL once it left */
	aw_future *turn;   /* a reference, from line_join() to line_leave() */
} place;

typedef struct line {
	place *first, *last;
} line;

/* Joins at the end, for a turn of `kind` at `owner`, whose line it is and whom the caller keeps alive; -ENOMEM. */
aw_status line_join(line *self, place *who, const future_kind *kind, void *owner, aw_loop *loop);
/* Of a turn that is pending. */
void *turn_owner(const aw_future *turn);
/* Writes `format` with the address of the turn's owner. */
void turn_describe(const aw_future *turn, const char *format, future_description *out) __attribute__((format(printf, 2, 0)));
/* Leaves the line, wherever it stands, and its turn. True if it had been woken. */
bool line_leave(place *who);
/* Wakes the first, unless it is woken already. */
void line_wake_head(line *self);
/* Wakes the first who is not woken; false if there is none. */
bool line_wake_next(line *self);
/* As line_wake_next(), and takes everybody up to it out of the line, as asyncio's queues do. */
bool line_pop_next(line *self);
/* True if nobody waits who could still be woken or run. */
bool line_is_deserted(const line *self);

/* The coroutine raises what it was sent. */
aw_status line_raise(aw_resume *resume);

#endif
