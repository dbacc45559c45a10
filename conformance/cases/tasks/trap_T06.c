/* SPDX-License-Identifier: MIT */
/*
 * T06: a coroutine may swallow a cancellation: the task then ends as usual, cancelled() is False,
 * cancelling() still counts 1.
 */
#include "case.h"

static char text[] = "survived";

static aw_status c(void *ud) {
	(void)ud;
	if (aw_sleep(9 * AW_SECOND) == AW_ECANCELLED) trace("swallowed");
	must(aw_sleep(0));
	return aw_return(text, NULL);
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	aw_task *task = create_task(c, NULL);
	must(aw_sleep(0));
	must(aw_task_cancel(task, NULL));
	void *value = NULL;
	must(await_task(task, &value));
	trace("%s %s %d", (const char *)value, True_or_False(aw_future_cancelled(aw_task_future(task))),
	      aw_task_cancelling(task));
	aw_task_unref(task);
	return 0;
}

CASE(trap_T06, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
