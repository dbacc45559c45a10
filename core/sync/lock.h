/* SPDX-License-Identifier: MIT */
/* The lock inside the library: conditions and barriers stand on it. */
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
	uint64_t holder; /* the number of the task that took it, or 0; for a dump */
};

extern const object_class lock_class;

aw_status lock_create(aw_loop *loop, aw_lock **out);

#endif
