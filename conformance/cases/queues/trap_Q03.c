/* SPDX-License-Identifier: MIT */
/*
 * Q03: a put hands nothing over: before the woken getter runs anybody may take the item; it then waits again,
 * at the end.
 */
#include "case.h"

static aw_queue *queue;

static aw_status get(void *name) {
	void *item = NULL;
	must(aw_queue_get(queue, &item, NULL));
	trace("%s got %s", (char *)name, (char *)item);
	return 0;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	void *item = NULL;
	must(aw_queue_new(NULL, 0, &queue));
	aw_task *tasks[] = {create_task(get, "a"), create_task(get, "b")};
	must(aw_sleep(0));
	must(aw_queue_put_nowait(queue, "1", NULL));
	must(aw_queue_get_nowait(queue, &item, NULL));
	trace("stolen %s", (char *)item);
	must(aw_sleep(0));
	must(aw_queue_put_nowait(queue, "2", NULL));
	must(aw_queue_put_nowait(queue, "3", NULL));
	wait_tasks(tasks, 2);
	drop_tasks(tasks, 2);
	aw_queue_unref(queue);
	return 0;
}

CASE(trap_Q03, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
