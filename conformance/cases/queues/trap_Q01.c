/* SPDX-License-Identifier: MIT */
/*
 * Q01: items, blocked getters and blocked putters are served first in, first out; a maxsize of 0 or less
 * means no limit.
 */
#include "case.h"

static aw_queue *queue;
static char *const items[] = {"0", "1", "2", "3", "4"};

static aw_status put(void *item) {
	must(aw_queue_put(queue, item, NULL));
	trace("put %s", (char *)item);
	return 0;
}

static aw_status get(void *name) {
	void *item = NULL;
	must(aw_queue_get(queue, &item, NULL));
	trace("%s got %s", (char *)name, (char *)item);
	return 0;
}

static void bounded(void) {
	must(aw_queue_new(NULL, 1, &queue));
	aw_task *putters[] = {create_task(put, items[0]), create_task(put, items[1]), create_task(put, items[2])};
	must(aw_sleep(0));
	must(aw_sleep(0));
	trace("%s %zu", True_or_False(aw_queue_full(queue)), aw_queue_qsize(queue));
	for (int i = 0; i < 3; i++) {
		void *item = NULL;
		must(aw_queue_get(queue, &item, NULL));
		trace("got %s", (char *)item);
	}
	wait_tasks(putters, 3);
	drop_tasks(putters, 3);
	aw_queue_unref(queue);
}

static void unbounded(int64_t maxsize) {
	must(aw_queue_new(NULL, maxsize, &queue));
	aw_task *getters[] = {create_task(get, "a"), create_task(get, "b"), create_task(get, "c")};
	must(aw_sleep(0));
	for (int i = 0; i < 5; i++) must(aw_queue_put_nowait(queue, items[i], NULL));
	trace("%s %zu", True_or_False(aw_queue_full(queue)), aw_queue_qsize(queue));
	wait_tasks(getters, 3);
	void *first = NULL, *second = NULL;
	must(aw_queue_get_nowait(queue, &first, NULL));
	must(aw_queue_get_nowait(queue, &second, NULL));
	trace("%s %s %s", (char *)first, (char *)second, True_or_False(aw_queue_empty(queue)));
	drop_tasks(getters, 3);
	aw_queue_unref(queue);
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	bounded();
	unbounded(0);
	unbounded(-1);
	return 0;
}

CASE(trap_Q01, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
