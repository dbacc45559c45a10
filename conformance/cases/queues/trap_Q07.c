/* SPDX-License-Identifier: MIT */
/*
 * Q07: after shutdown a put fails at once, a get only when nothing is left; whoever is blocked in either is
 * woken and fails.
 */
#include "case.h"

static aw_queue *queue;

static aw_status put(void *item) {
	if (aw_queue_put(queue, item, NULL) == AW_EQUEUESHUTDOWN) trace("put %s QueueShutDown", (char *)item);
	return 0;
}

static aw_status get(void *name) {
	void *item = NULL;
	aw_status status = aw_queue_get(queue, &item, NULL);
	if (status == 0) trace("%s got %s", (char *)name, (char *)item);
	if (status == AW_EQUEUESHUTDOWN) trace("%s QueueShutDown", (char *)name);
	return 0;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	char name[] = "main", late[] = "5";
	void *item = NULL;
	must(aw_queue_new(NULL, 1, &queue));
	must(aw_queue_put_nowait(queue, "1", NULL));
	aw_task *putters[] = {create_task(put, "2"), create_task(put, "3")};
	must(aw_sleep(0));
	must(aw_queue_shutdown(queue, 0));
	trace("shut down");
	wait_tasks(putters, 2);
	if (aw_queue_put_nowait(queue, "4", NULL) == AW_EQUEUESHUTDOWN) trace("put_nowait QueueShutDown");
	must(put(late));
	must(get(name));
	must(get(name));
	if (aw_queue_get_nowait(queue, &item, NULL) == AW_EQUEUESHUTDOWN) trace("get_nowait QueueShutDown");
	drop_tasks(putters, 2);
	aw_queue_unref(queue);

	must(aw_queue_new(NULL, 0, &queue));
	aw_task *getters[] = {create_task(get, "a"), create_task(get, "b")};
	must(aw_sleep(0));
	must(aw_queue_shutdown(queue, 0));
	trace("shut down");
	wait_tasks(getters, 2);
	drop_tasks(getters, 2);
	aw_queue_unref(queue);
	return 0;
}

CASE(trap_Q07, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
