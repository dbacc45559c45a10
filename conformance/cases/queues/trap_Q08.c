/* SPDX-License-Identifier: MIT */
/*
 * Q08: an immediate shutdown discards the items; join then only waits for those already taken to be marked
 * done.
 */
#include "case.h"

static aw_queue *queue;

static aw_status join_queue(void *ud) {
	(void)ud;
	return aw_queue_join(queue);
}

static void one_is_taken(void) {
	static char *const items[] = {"0", "1", "2"};
	void *item = NULL;
	must(aw_queue_new(NULL, 0, &queue));
	for (int i = 0; i < 3; i++) must(aw_queue_put_nowait(queue, items[i], NULL));
	aw_task *join = create_task(join_queue, NULL);
	must(aw_sleep(0));
	must(aw_queue_get_nowait(queue, &item, NULL));
	must(aw_queue_shutdown(queue, 1));
	must(aw_sleep(0));
	trace("%zu %s", aw_queue_qsize(queue), True_or_False(aw_future_done(aw_task_future(join))));
	must(aw_queue_task_done(queue));
	must(await_task(join, NULL));
	trace("joined");
	if (aw_queue_get_nowait(queue, &item, NULL) == AW_EQUEUESHUTDOWN) trace("QueueShutDown");
	aw_task_unref(join);
	aw_queue_unref(queue);
}

static void none_is_taken(void) {
	must(aw_queue_new(NULL, 0, &queue));
	must(aw_queue_put_nowait(queue, "0", NULL));
	aw_task *join = create_task(join_queue, NULL);
	must(aw_sleep(0));
	must(aw_queue_shutdown(queue, 1));
	must(await_task(join, NULL));
	trace("joined %zu", aw_queue_qsize(queue));
	aw_task_unref(join);
	aw_queue_unref(queue);
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	one_is_taken();
	none_is_taken();
	return 0;
}

CASE(trap_Q08, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
