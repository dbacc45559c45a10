/* SPDX-License-Identifier: MIT */
/*
 * The FIFO wait queue behind locks, events, semaphores, conditions and queues. A waiter is embedded in the
 * waiting coroutine. Its turn is a future that is done once the waiter is woken, so if a woken waiter is
 * cancelled, the wake-up is detected and passed on.
 */
#ifndef CORE_WAIT_QUEUE_H
#define CORE_WAIT_QUEUE_H

#include "future.h"

#include <await/coro.h>

typedef struct waiter {
	struct waiter *next, *previous;
	struct wait_queue *queue; /* NULL after it has left */
	aw_future *turn;          /* a reference, from wait_queue_join() to wait_queue_leave() */
} waiter;

typedef struct wait_queue {
	waiter *first, *last;
} wait_queue;

/*
 * Appends a waiter, with a turn of `kind`. `owner` is the object that the queue belongs to; the caller keeps it
 * alive. Fails with -ENOMEM.
 */
aw_status wait_queue_join(wait_queue *self, waiter *who, const future_kind *kind, void *owner, aw_loop *loop);
/* Returns the owner of a pending turn. */
void *turn_owner(const aw_future *turn);
/* Writes `format` with the address of the turn's owner. */
void turn_describe(const aw_future *turn, const char *format, future_description *out)
	__attribute__((format(printf, 2, 0)));
/* Removes a waiter at any position and drops its turn. Returns true if it had been woken. */
bool wait_queue_leave(waiter *who);
/* Wakes the first waiter, unless it has been woken already. */
void wait_queue_wake_first(wait_queue *self);
/* Wakes the first waiter that has not been woken. Returns false if there is none. */
bool wait_queue_wake_next(wait_queue *self);
/* Like wait_queue_wake_next(), but also removes all waiters up to it, as asyncio's queues do. */
bool wait_queue_pop_next(wait_queue *self);
/* True if the queue is empty or every waiter in it was cancelled. */
bool wait_queue_all_cancelled(const wait_queue *self);

/* Answers a step with the error that it was sent. */
aw_status wait_queue_raise(aw_resume *resume);

#endif
