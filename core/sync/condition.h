/* SPDX-License-Identifier: MIT */
/* Internal interface of conditions, on which the barrier is built. */
#ifndef CORE_AWAIT_CONDITION_H
#define CORE_AWAIT_CONDITION_H

#include "lock.h"

struct aw_condition {
	object base;
	aw_loop *loop;
	aw_lock *lock; /* a reference */
	wait_queue waiters;
	const void *barrier; /* the barrier it belongs to, or NULL; for dumps */
};

extern const object_class condition_class;

aw_status condition_create(aw_loop *loop, aw_lock *lock, aw_condition **out);
/* Wakes up to `count` waiters, whether or not the lock is held. */
void condition_notify(aw_condition *self, size_t count);

#endif
