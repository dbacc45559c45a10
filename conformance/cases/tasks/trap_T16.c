/* SPDX-License-Identifier: MIT */
/* T16: cancelling a sleep cancels its timer. */
#include "case.h"

static aw_status c(void *ud) {
	(void)ud;
	return aw_sleep(50 * AW_SECOND);
}

static int timers(void) {
	return aw_loop_deadline(aw_loop_current()) != AW_FOREVER;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	aw_task *task = create_task(c, NULL);
	must(aw_sleep(0));
	trace("timers %d", timers());
	must(aw_task_cancel(task, NULL));
	wait_tasks(&task, 1);
	trace("timers %d", timers());
	aw_task_unref(task);
	return 0;
}

CASE(trap_T16, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
