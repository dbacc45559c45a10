/* SPDX-License-Identifier: MIT */
/*
 * Q05: join waits for a task_done for every item put, not for an empty queue; one task_done too many is an
 * error.
 */
#include "case.h"

static aw_queue *queue;

static aw_status join_queue(void *ud) {
	(void)ud;
	return aw_queue_join(queue);
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	void *item = NULL;
	must(aw_queue_new(NULL, 2, &queue));
	must(aw_queue_join(queue));
	trace("nothing to wait for");
	must(aw_queue_put_nowait(queue, "1", NULL));
	must(aw_queue_put_nowait(queue, "2", NULL));
	if (aw_queue_put_nowait(queue, "3", NULL) == AW_EQUEUEFULL) trace("QueueFull");
	must(aw_queue_get_nowait(queue, &item, NULL));
	must(aw_queue_get_nowait(queue, &item, NULL));
	if (aw_queue_get_nowait(queue, &item, NULL) == AW_EQUEUEEMPTY) trace("QueueEmpty");
	aw_task *join = create_task(join_queue, NULL);
	for (int i = 0; i < 2; i++) {
		must(aw_sleep(0));
		trace("%s %s", True_or_False(aw_queue_empty(queue)),
		      True_or_False(aw_future_done(aw_task_future(join))));
		must(aw_queue_task_done(queue));
	}
	must(await_task(join, NULL));
	trace("joined");
	if (aw_queue_task_done(queue) == -EINVAL) trace("ValueError");
	aw_task_unref(join);
	aw_queue_unref(queue);
	return 0;
}

CASE(trap_Q05, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
