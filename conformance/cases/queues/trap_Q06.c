/* SPDX-License-Identifier: MIT */
/*
 * Q06: a PriorityQueue gives the smallest first, of one priority by the rest of the item; a LifoQueue gives
 * the newest.
 */
#include "case.h"

typedef struct entry {
	int priority;
	const char *name;
} entry;

static int32_t by_priority_and_name(void *one, void *other, void *ud) {
	(void)ud;
	const entry *a = one, *b = other;
	if (a->priority != b->priority) return a->priority < b->priority ? -1 : 1;
	return strcmp(a->name, b->name);
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	static entry entries[] = {{2, "b"}, {1, "z"}, {1, "a"}};
	static char *const names[] = {"a", "b", "c"};
	aw_queue *queue;
	void *item = NULL;
	must(aw_queue_new_priority(NULL, 0, by_priority_and_name, NULL, NULL, &queue));
	for (int i = 0; i < 3; i++) must(aw_queue_put_nowait(queue, &entries[i], NULL));
	while (!aw_queue_empty(queue)) {
		must(aw_queue_get_nowait(queue, &item, NULL));
		trace("%d %s", ((entry *)item)->priority, ((entry *)item)->name);
	}
	aw_queue_unref(queue);
	must(aw_queue_new_lifo(NULL, 0, &queue));
	for (int i = 0; i < 3; i++) must(aw_queue_put_nowait(queue, names[i], NULL));
	while (!aw_queue_empty(queue)) {
		must(aw_queue_get_nowait(queue, &item, NULL));
		trace("%s", (char *)item);
	}
	aw_queue_unref(queue);
	return 0;
}

CASE(trap_Q06, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
