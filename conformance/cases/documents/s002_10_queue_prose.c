/* SPDX-License-Identifier: MIT */
/* A queue of one: strict alternation, and an end by a last item that is none. */
#include "case.h"

static int items[4] = {0, 1, 2, 3};

static aw_status producer(void *ud) {
	aw_queue *q = ud;
	for (int i = 0; i < 4; i++) {
		must(aw_queue_put(q, &items[i], NULL));
		trace("put %d", i);
	}
	return aw_queue_put(q, NULL, NULL);
}

static aw_status consumer(void *ud) {
	aw_queue *q = ud;
	void *item = NULL;
	for (;;) {
		must(aw_queue_get(q, &item, NULL));
		if (!item) return 0;
		trace("got %d", *(int *)item);
		must(aw_sleep(AW_SECOND / 10));
	}
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	aw_queue *q = NULL;
	must(aw_queue_new(NULL, 1, &q));
	aw_task *tasks[] = {create_task(producer, q), create_task(consumer, q)};
	aw_future *all = gather(tasks, 2, AW_GATHER_DEFAULT);
	must(aw_await(all, NULL));
	aw_future_unref(all);
	drop_tasks(tasks, 2);
	aw_queue_unref(q);
	return 0;
}

CASE(s002_10_queue_prose, 0.4, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
