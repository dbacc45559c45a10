/* SPDX-License-Identifier: MIT */
/*
 * Threads that block until another thread has changed an object. As a condition variable: the object's mutex
 * guards the condition and the list. But unlike one, a wait can be interrupted.
 */
#ifndef CORE_PARK_H
#define CORE_PARK_H

#include "interrupt.h"
#include "list.h"

#include <pthread.h>

/* One waiting thread, on its stack. */
typedef struct parked parked;

typedef struct park {
	LIST(parked) waiting;
} park;

/* How long, and what ends it early. */
typedef struct park_limit {
	int64_t deadline;
	bool signals;            /* a signal handler ends it */
	aw_interrupt *interrupt; /* optional */
} park_limit;

/* With a point in time `timeout_ns` from now; negative or AW_FOREVER: none. No system call. */
park_limit park_limit_after(int64_t timeout_ns);
/*
 * Gives the mutex away, blocks, and takes it again. 0 is a reason to look at the condition again;
 * AW_EPENDING, -EINTR and what else interrupt_wait() may say end the wait, unless the condition holds by
 * then.
 */
aw_status park_wait(park *self, pthread_mutex_t *mutex, const park_limit *limit);
/* Wakes all of them. The mutex is held. */
void park_wake(park *self);

#endif
