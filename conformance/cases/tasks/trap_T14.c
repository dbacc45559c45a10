/* SPDX-License-Identifier: MIT */
/*
 * T14: uncancel() lowers the count, never below 0, and returns it; at 0 a cancellation not yet delivered is
 * withdrawn.
 */
#include "case.h"

static void yield(void) {
	trace("%s", aw_sleep(0) == AW_ECANCELLED ? "raised" : "not raised");
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	aw_task *task = aw_task_current();
	aw_status left = must(aw_task_uncancel(task));
	trace("%d %d", left, aw_task_cancelling(task));
	must(aw_task_cancel(task, NULL));
	int before = aw_task_cancelling(task);
	trace("%d %d", before, must(aw_task_uncancel(task)));
	yield();
	must(aw_task_cancel(task, NULL));
	must(aw_task_cancel(task, NULL));
	before = aw_task_cancelling(task);
	trace("%d %d", before, must(aw_task_uncancel(task)));
	yield();
	return 0;
}

CASE(trap_T14, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
