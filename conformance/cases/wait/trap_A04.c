/* SPDX-License-Identifier: MIT */
/* A04: cancelling the task in wait leaves those it waits for alone. */
#include "job.h"

static aw_status wait_for_it(void *task) {
	aw_future *future = aw_task_future(task);
	return aw_wait(&future, 1, AW_ALL_COMPLETED, AW_FOREVER, NULL);
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	job a = {"a", 3, 0};
	aw_task *task = start_job(&a), *waiter = create_task(wait_for_it, task);
	void *value = NULL;
	must(aw_sleep(TICK));
	must(aw_task_cancel(waiter, NULL));
	wait_tasks(&waiter, 1);
	trace("%s", True_or_False(aw_future_cancelled(aw_task_future(waiter))));
	must(await_task(task, &value));
	trace("%s", (char *)value);
	aw_task_unref(waiter);
	aw_task_unref(task);
	return 0;
}

CASE(trap_A04, 0.6, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
