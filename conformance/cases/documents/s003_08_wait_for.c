/* SPDX-License-Identifier: MIT */
/* The limit passes, and what was awaited never prints. */
#include "case.h"

static aw_status do_async_job(void *ud) {
	(void)ud;
	aw_status status = aw_sleep(2 * AW_SECOND);
	if (status < 0) return status;
	trace("never print");
	return 0;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	aw_task *job = create_task(do_async_job, NULL);
	if (aw_wait_for(aw_task_future(job), AW_SECOND, NULL) == AW_ETIMEOUT) trace("timeout!");
	aw_task_unref(job);
	return 0;
}

CASE(s003_08_wait_for, 1.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
