/* SPDX-License-Identifier: MIT */
/*
 * T05: cancel() after the awaited future is done but before the task has resumed: the cancellation is raised
 * anyway, and the result is lost to that task. It stays in the future.
 */
#include "case.h"

static char text[] = "R";

static aw_status waiter(void *f) {
	void *value = NULL;
	aw_status status = aw_await(f, &value);
	if (status == AW_ECANCELLED) {
		must(aw_future_result(f, &value));
		trace("cancelled, the future has %s", (const char *)value);
	} else {
		trace("got %s", (const char *)value);
	}
	return status;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	aw_future *f = create_future();
	aw_task *task = create_task(waiter, f);
	must(aw_sleep(0));
	must(aw_future_set_result(f, text, NULL));
	must(aw_task_cancel(task, NULL));
	wait_tasks(&task, 1);
	trace("%s", True_or_False(aw_future_cancelled(aw_task_future(task))));
	aw_task_unref(task);
	aw_future_unref(f);
	return 0;
}

CASE(trap_T05, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
