/* SPDX-License-Identifier: MIT */
/* W07: cancelled in the very iteration in which the awaited future is done: the cancellation wins. */
#include "case.h"

static aw_status limited(void *future) {
	return aw_wait_for(future, 5 * AW_SECOND, NULL);
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	static char result[] = "result";
	aw_future *future = create_future();
	aw_task *task = create_task(limited, future);
	void *value = NULL;
	must(aw_sleep(0));
	must(aw_sleep(0));
	must(aw_future_set_result(future, result, NULL));
	must(aw_task_cancel(task, NULL));
	aw_status status = await_task(task, NULL);
	must(aw_future_result(future, &value));
	if (status == AW_ECANCELLED) trace("CancelledError %s", (char *)value);
	aw_task_unref(task);
	aw_future_unref(future);
	return 0;
}

CASE(trap_W07, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
