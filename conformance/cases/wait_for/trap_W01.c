/* SPDX-License-Identifier: MIT */
/* W01: at the limit the awaitable is cancelled, and wait_for waits until it has really ended. */
#include "job.h"

static aw_status slow(void *ud) {
	(void)ud;
	aw_status status = aw_sleep(9 * AW_SECOND);
	if (status != AW_ECANCELLED) return status;
	trace("cancelled");
	must(aw_sleep(2 * TICK));
	trace("cleaned");
	return status;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	aw_task *task = create_task(slow, NULL);
	if (aw_wait_for(aw_task_future(task), TICK, NULL) == AW_ETIMEOUT) trace("TimeoutError");
	aw_task_unref(task);
	return 0;
}

CASE(trap_W01, 0.6, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
