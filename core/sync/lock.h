/* SPDX-License-Identifier: MIT */
/* Internal interface of locks, on which conditions and barriers are built. */
#ifndef CORE_AWAIT_LOCK_H
#define CORE_AWAIT_LOCK_H

#include "coro.h"
#include "wait_queue.h"

#include <await/sync.h>

struct aw_lock {
	object base;
	aw_loop *loop;
	wait_queue waiters;
	bool locked;
	uint64_t holder; /* number of the task that acquired it, or 0; for dumps */
};

extern const object_class lock_class;

aw_status lock_create(aw_loop *loop, aw_lock **out);

#endif
