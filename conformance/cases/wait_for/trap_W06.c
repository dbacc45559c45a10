/* SPDX-License-Identifier: MIT */
/* W06: cancelling the task in wait_for cancels the awaitable, waits for it, and gives the cancellation. */
#include "job.h"

static aw_status limited(void *ud) {
	aw_task *task = start_job(ud);
	aw_status status = aw_wait_for(aw_task_future(task), 8 * TICK, NULL);
	aw_task_unref(task);
	return status;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	job inner = {"inner", 9, 0};
	aw_task *task = create_task(limited, &inner);
	must(aw_sleep(TICK));
	must(aw_task_cancel(task, NULL));
	if (await_task(task, NULL) == AW_ECANCELLED)
		trace("CancelledError %s", True_or_False(aw_future_cancelled(aw_task_future(task))));
	aw_task_unref(task);
	return 0;
}

CASE(trap_W06, 0.2, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
