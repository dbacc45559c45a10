/* SPDX-License-Identifier: MIT */
#include "walk.h"

#include <stdlib.h>

level walk_begin(aw_future *future) {
	aw_task *task = task_of(future);
	return (level){.future = future, .scope = task ? task->scopes : NULL};
}

aw_future *walk_next(level *at) {
	aw_future *future = at->future;
	aw_future *child = future->kind->child ? future->kind->child(future, at->index) : NULL;
	if (child) {
		at->index++;
		return child;
	}
	for (; at->scope; at->scope = at->scope->next, at->member = NULL) {
		aw_task *member =
			at->scope->kind->next_member ? at->scope->kind->next_member(at->scope, &at->member) : NULL;
		if (member) return &member->future;
	}
	return NULL;
}

bool array_reserve(void *array, size_t count, size_t *room, size_t size) {
	if (count < *room) return true;
	size_t more = *room ? *room * 2 : 64;
	void *grown = realloc(*(void **)array, more * size);
	if (!grown) return false;
	*(void **)array = grown;
	*room = more;
	return true;
}
