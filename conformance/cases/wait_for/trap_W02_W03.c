/* SPDX-License-Identifier: MIT */
/*
 * W02: an awaitable that swallows the cancellation and gives a value: that is the result. W03: one that
 * answers with another failure: that one is given.
 */
#include "job.h"

static aw_status swallow(void *late_value) {
	aw_status status = aw_sleep(9 * AW_SECOND);
	return status == AW_ECANCELLED ? aw_return(late_value, NULL) : status;
}

static aw_status other(void *message) {
	aw_status status = aw_sleep(9 * AW_SECOND);
	return status == AW_ECANCELLED ? aw_raise(-EINVAL, message) : status;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	aw_task *tasks[] = {create_task(swallow, "late value"), create_task(other, "other")};
	void *value = NULL;
	must(aw_wait_for(aw_task_future(tasks[0]), TICK, &value));
	trace("%s", (char *)value);
	if (aw_wait_for(aw_task_future(tasks[1]), TICK, NULL) == -EINVAL)
		trace("%s", aw_error_message(aw_caught()));
	drop_tasks(tasks, 2);
	return 0;
}

CASE(trap_W02_W03, 0.4, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
