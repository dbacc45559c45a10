/* SPDX-License-Identifier: MIT */
/*
 * W04: with a limit of 0 or less a future that is done gives its result; anything else is cancelled at once,
 * and never begins.
 */
#include "job.h"

static aw_status main_coroutine(void *ud) {
	(void)ud;
	static char result[] = "result";
	aw_future *future = create_future();
	void *value = NULL;
	must(aw_future_set_result(future, result, NULL));
	must(aw_wait_for(future, 0, &value));
	trace("%s", (char *)value);
	aw_future_unref(future);
	for (int64_t limit = 0; limit >= -AW_SECOND; limit -= AW_SECOND) {
		job a = {"a", 0, 0};
		aw_task *task = start_job(&a);
		if (aw_wait_for(aw_task_future(task), limit, NULL) == AW_ETIMEOUT) trace("TimeoutError");
		aw_task_unref(task);
	}
	return 0;
}

CASE(trap_W04, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
