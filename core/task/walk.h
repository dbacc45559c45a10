/* SPDX-License-Identifier: MIT */
/* What a future waits for, one future after the other. For walks that must not recurse. */
#ifndef CORE_WALK_H
#define CORE_WALK_H

#include "task.h"

/* A future whose children are being walked. */
typedef struct level {
	aw_future *future;
	size_t index;            /* of the next child */
	const task_scope *scope; /* of a task: the scope whose members come next */
	void *member;
	bool has_children; /* of a task: at least one was printed */
} level;

/* The task that the future is, or NULL. */
static inline aw_task *task_of(aw_future *future) {
	return future->kind->is_task ? (aw_task *)(void *)future : NULL;
}

/* Before the first child of `future`. */
level walk_begin(aw_future *future);
/* The next future that `at` waits for: for a task what it awaits, then the members of its task groups. */
aw_future *walk_next(level *at);

/* Makes room in a growing array for one more of `size` bytes; false if out of memory. */
bool array_reserve(void *array, size_t count, size_t *room, size_t size);

#endif
