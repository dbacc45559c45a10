/* SPDX-License-Identifier: MIT */
/*
 * Those who wait in turn: the one wait queue behind locks, events, semaphores, conditions and queues. A
 * waiter is embedded in the coroutine that waits; its turn is a future, done once it is woken, so that a
 * wake-up given to somebody who is then cancelled can be told and passed on.
 */
#ifndef CORE_AWAIT_LINE_H
#define CORE_AWAIT_LINE_H

#include "future.h"

#include <await/coro.h>

typedef struct waiter {
	struct waiter *next, *previous;
	struct wait_queue *queue; /* NULL once it has left */
	aw_future *turn;          /* a reference, from wait_queue_join() to wait_queue_leave() */
} waiter;

typedef struct wait_queue {
	waiter *first, *last;
} wait_queue;

/*
 * Joins at the end, for a turn of `kind` at `owner`, whose queue it is and whom the caller keeps alive;
 * -ENOMEM.
 */
aw_status wait_queue_join(wait_queue *self, waiter *who, const future_kind *kind, void *owner, aw_loop *loop);
/* Of a turn that is pending. */
void *turn_owner(const aw_future *turn);
/* Writes `format` with the address of the turn's owner. */
void turn_describe(const aw_future *turn, const char *format, future_description *out)
	__attribute__((format(printf, 2, 0)));
/* Leaves the queue, from wherever it is, and drops its turn. True if it had been woken. */
bool wait_queue_leave(waiter *who);
/* Wakes the first, unless it is woken already. */
void wait_queue_wake_first(wait_queue *self);
/* Wakes the first who is not woken; false if there is none. */
bool wait_queue_wake_next(wait_queue *self);
/* As wait_queue_wake_next(), and takes everybody up to it out of the queue, as asyncio's queues do. */
bool wait_queue_pop_next(wait_queue *self);
/* True if nobody waits who could still be woken or run. */
bool wait_queue_is_deserted(const wait_queue *self);

/* The coroutine raises what it was sent. */
aw_status wait_queue_raise(aw_resume *resume);

#endif
