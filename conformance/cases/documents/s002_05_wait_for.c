/* SPDX-License-Identifier: MIT */
/* wait_for: the value in time, or AW_ETIMEOUT. */
#include "case.h"

static aw_status work(void *ud) {
	int64_t *delay = ud;
	aw_status status = aw_sleep(*delay);
	return status < 0 ? status : aw_return(delay, NULL);
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	int64_t short_delay = AW_SECOND / 10, long_delay = 5 * AW_SECOND;
	void *value = NULL;
	aw_task *task = create_task(work, &short_delay);
	must(aw_wait_for(aw_task_future(task), AW_SECOND / 2, &value));
	trace("%g", (double)*(int64_t *)value / 1e9);
	aw_task_unref(task);

	task = create_task(work, &long_delay);
	if (aw_wait_for(aw_task_future(task), AW_SECOND / 2, NULL) == AW_ETIMEOUT) trace("TimeoutError");
	aw_task_unref(task);
	return 0;
}

CASE(s002_05_wait_for, 0.6, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
