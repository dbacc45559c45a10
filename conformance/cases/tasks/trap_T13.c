/* SPDX-License-Identifier: MIT */
/*
 * T13: a coroutine that raises a cancellation itself, without a request, makes its task cancelled;
 * cancelling() is 0.
 */
#include "case.h"

static aw_status c(void *ud) {
	(void)ud;
	return aw_raise(AW_ECANCELLED, "self");
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	aw_task *task = create_task(c, NULL);
	wait_tasks(&task, 1);
	trace("%s %d", True_or_False(aw_future_cancelled(aw_task_future(task))), aw_task_cancelling(task));
	if (await_task(task, NULL) == AW_ECANCELLED) trace("%s", aw_error_message(aw_caught()));
	aw_task_unref(task);
	return 0;
}

CASE(trap_T13, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
