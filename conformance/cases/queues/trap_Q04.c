/* SPDX-License-Identifier: MIT */
/* Q04: a cancelled put has not put its item; if it had been woken, the next putter is woken instead. */
#include "case.h"

static aw_queue *queue;

static aw_status put(void *item) {
	return aw_queue_put(queue, item, NULL);
}

static void two(bool cancelled_first) {
	void *item = NULL;
	must(aw_queue_new(NULL, 1, &queue));
	must(aw_queue_put_nowait(queue, "0", NULL));
	aw_task *tasks[] = {create_task(put, "a"), create_task(put, "b")};
	aw_future *a = aw_task_future(tasks[0]), *b = aw_task_future(tasks[1]), *both[] = {a, b};
	must(aw_sleep(0));
	if (cancelled_first) must(aw_task_cancel(tasks[0], NULL));
	must(aw_queue_get_nowait(queue, &item, NULL));
	if (!cancelled_first) must(aw_task_cancel(tasks[0], NULL));
	must(aw_wait(both, 2, AW_ALL_COMPLETED, AW_SECOND, NULL));
	trace("%s %s", True_or_False(aw_future_cancelled(a)), True_or_False(aw_future_done(b)));
	must(aw_queue_get_nowait(queue, &item, NULL));
	trace("%s %s", (char *)item, True_or_False(aw_queue_empty(queue)));
	drop_tasks(tasks, 2);
	aw_queue_unref(queue);
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	two(true);
	two(false);
	return 0;
}

CASE(trap_Q04, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
