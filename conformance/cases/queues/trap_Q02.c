/* SPDX-License-Identifier: MIT */
/*
 * Q02: a getter cancelled while blocked takes no item; once woken, it passes the wakeup on and the item
 * stays.
 */
#include "case.h"

static aw_queue *queue;
static void *got;

static aw_status get(void *ud) {
	(void)ud;
	return aw_queue_get(queue, &got, NULL);
}

static void two(bool cancelled_first) {
	must(aw_queue_new(NULL, 0, &queue));
	aw_task *tasks[] = {create_task(get, NULL), create_task(get, NULL)};
	aw_future *a = aw_task_future(tasks[0]), *b = aw_task_future(tasks[1]), *both[] = {a, b};
	must(aw_sleep(0));
	got = "nothing";
	if (cancelled_first) must(aw_task_cancel(tasks[0], NULL));
	must(aw_queue_put_nowait(queue, "item", NULL));
	if (!cancelled_first) must(aw_task_cancel(tasks[0], NULL));
	must(aw_wait(both, 2, AW_ALL_COMPLETED, AW_SECOND, NULL));
	must(aw_await(b, NULL));
	trace("%s %s %zu", True_or_False(aw_future_cancelled(a)), (char *)got, aw_queue_qsize(queue));
	drop_tasks(tasks, 2);
	aw_queue_unref(queue);
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	two(true);
	two(false);

	must(aw_queue_new(NULL, 0, &queue));
	aw_task *alone = create_task(get, NULL);
	must(aw_sleep(0));
	must(aw_queue_put_nowait(queue, "item", NULL));
	must(aw_task_cancel(alone, NULL));
	wait_tasks(&alone, 1);
	size_t left = aw_queue_qsize(queue);
	void *item = NULL;
	must(aw_queue_get_nowait(queue, &item, NULL));
	trace("%s %zu %s", True_or_False(aw_future_cancelled(aw_task_future(alone))), left, (char *)item);
	aw_task_unref(alone);
	aw_queue_unref(queue);
	return 0;
}

CASE(trap_Q02, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
