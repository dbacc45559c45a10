/* SPDX-License-Identifier: MIT */
/*
 * Blocks threads until another thread changes an object. Works like a condition variable, with the object's
 * mutex guarding the condition and the list, except that a wait can be interrupted.
 */
#ifndef CORE_PARK_H
#define CORE_PARK_H

#include "interrupt.h"
#include "list.h"

#include <pthread.h>

/* A waiting thread. Lives on its stack. */
typedef struct park_waiter park_waiter;

typedef struct park {
	LIST(park_waiter) waiting;
} park;

/* When a wait ends without a wake. */
typedef struct park_limit {
	int64_t deadline;
	bool signals;            /* a signal handler ends it */
	aw_interrupt *interrupt; /* optional */
} park_limit;

/* A deadline `timeout_ns` from now; negative or AW_FOREVER: none. Reads the clock without a system call. */
park_limit park_limit_after(int64_t timeout_ns);
/*
 * Releases the mutex, blocks, and acquires it again. 0 means: check the condition again. AW_EPENDING, -EINTR
 * and the other errors of interrupt_wait() end the wait, unless the condition holds by then.
 */
aw_status park_wait(park *self, pthread_mutex_t *mutex, const park_limit *limit);
/* Wakes all waiting threads. The caller must hold the mutex. */
void park_wake(park *self);

#endif
