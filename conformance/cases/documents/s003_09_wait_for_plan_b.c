/* SPDX-License-Identifier: MIT */
/* The limit passes, and a second plan ends within its own. */
#include "case.h"

static aw_status do_async_job(void *ud) {
	(void)ud;
	aw_status status = aw_sleep(2 * AW_SECOND);
	if (status < 0) return status;
	trace("do async job 1");
	return 0;
}

static aw_status do_async_job_2nd_plan(void *ud) {
	(void)ud;
	must(aw_sleep(AW_SECOND));
	trace("do async job 2");
	return 0;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	aw_task *job = create_task(do_async_job, NULL), *second = NULL;
	if (aw_wait_for(aw_task_future(job), AW_SECOND, NULL) == AW_ETIMEOUT) {
		second = create_task(do_async_job_2nd_plan, NULL);
		must(aw_wait_for(aw_task_future(second), 2 * AW_SECOND, NULL));
		aw_task_unref(second);
	}
	aw_task_unref(job);
	return 0;
}

CASE(s003_09_wait_for_plan_b, 2.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
