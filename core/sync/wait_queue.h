/* SPDX-License-Identifier: MIT */
/*
 * FIFO of waiters, shared by locks, events, semaphores, conditions and queues. A waiter is embedded in the
 * state of the waiting coroutine. Its future is finished to wake it, so that a wake-up of a waiter that is
 * then cancelled can be detected and passed on.
 */
#ifndef CORE_AWAIT_WAIT_QUEUE_H
#define CORE_AWAIT_WAIT_QUEUE_H

#include "future.h"

#include <await/coro.h>

typedef struct waiter {
	struct waiter *next, *previous;
	struct wait_queue *queue; /* NULL after it has left */
	aw_future *wakeup;        /* a reference, from wait_queue_join() to wait_queue_leave() */
	bool woken;               /* by the end of wait_queue_wait() */
} waiter;

typedef struct wait_queue {
	waiter *first, *last;
} wait_queue;

/*
 * Appends a waiter with a future of `kind`. The caller keeps `owner`, the object of the queue, alive.
 * -ENOMEM.
 */
aw_status wait_queue_join(wait_queue *queue, waiter *self, const future_kind *kind, void *owner,
                          aw_loop *loop);
/*
 * From a stackful task: joins, suspends until it is woken or fails, which is then noted, and leaves the queue.
 * It needs no memory, since the waiter and its future are on the task's stack. wait_queue_leave() still tells
 * whether it had been woken.
 */
aw_status wait_queue_wait(wait_queue *queue, waiter *self, const future_kind *kind, void *owner,
                          aw_loop *loop);
/* The owner passed to wait_queue_join(); the future must be pending. */
void *wait_owner(const aw_future *wakeup);
/* Describes the wait: formats the address of its owner with `format`. */
void wait_describe(const aw_future *wakeup, const char *format, future_description *out)
	__attribute__((format(printf, 2, 0)));
/* Removes the waiter, wherever it is in the queue, and drops its future. True if it had been woken. */
bool wait_queue_leave(waiter *self);
/* Wakes the first waiter, unless that is woken already. */
void wait_queue_wake_first(wait_queue *self);
/* Wakes the first waiter that is not woken yet; false if there is none. */
bool wait_queue_wake_next(wait_queue *self);
/* Wakes every waiter that is not woken yet. */
void wait_queue_wake_all(wait_queue *self);
/* As wait_queue_wake_next(), and removes every waiter up to that one, as asyncio's queues do. */
bool wait_queue_pop_next(wait_queue *self);
/* True if the queue is empty or every waiter in it was cancelled. */
bool wait_queue_all_cancelled(const wait_queue *self);

/* Answers a step with the error that it was sent. */
aw_status wait_queue_raise(aw_resume *resume);

#endif
