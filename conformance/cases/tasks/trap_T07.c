/* SPDX-License-Identifier: MIT */
/*
 * T07: two cancellations before delivery are raised once (cancelling() is 2); one during the handler's own
 * await is raised there.
 */
#include "case.h"

static aw_status c(void *ud) {
	(void)ud;
	if (aw_sleep(9 * AW_SECOND) != AW_ECANCELLED) return 0;
	trace("first");
	if (aw_sleep(9 * AW_SECOND) == AW_ECANCELLED) trace("second");
	return 0;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	aw_task *task = create_task(c, NULL);
	must(aw_sleep(0));
	must(aw_task_cancel(task, NULL));
	must(aw_task_cancel(task, NULL));
	trace("%d", aw_task_cancelling(task));
	must(aw_sleep(0));
	must(aw_sleep(0));
	trace("done %s", True_or_False(aw_future_done(aw_task_future(task))));
	must(aw_task_cancel(task, NULL));
	must(await_task(task, NULL));
	trace("%d %s", aw_task_cancelling(task), True_or_False(aw_future_cancelled(aw_task_future(task))));
	aw_task_unref(task);
	return 0;
}

CASE(trap_T07, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
