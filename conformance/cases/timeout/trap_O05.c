/* SPDX-License-Identifier: MIT */
/* O05: a cancellation from outside stays one, also when the deadline passes in the same iteration. */
#include "job.h"

static aw_status limited(void *block) {
	aw_timeout *timeout = NULL;
	must(aw_timeout_new(NULL, 200 * AW_MILLISECOND, &timeout));
	must(aw_timeout_enter(timeout));
	if (*(bool *)block) usleep(300000);
	aw_status status = aw_timeout_exit(timeout, aw_sleep(9 * AW_SECOND));
	aw_timeout_unref(timeout);
	return status;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	bool block[] = {false, true};
	for (int i = 0; i < 2; i++) {
		aw_task *task = create_task(limited, &block[i]);
		must(aw_loop_call_later(aw_loop_current(), 100 * AW_MILLISECOND, cancel_task, task, NULL, NULL));
		wait_tasks(&task, 1);
		trace("%s %d", True_or_False(aw_future_cancelled(aw_task_future(task))), aw_task_cancelling(task));
		aw_task_unref(task);
	}
	return 0;
}

CASE(trap_O05, 0.4, CASE_REAL_TIME) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
