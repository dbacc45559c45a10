/* SPDX-License-Identifier: MIT */
/* T17: a task that awaits itself gets an error and can continue. */
#include "case.h"

static char text[] = "went on";

static aw_status me(void *ud) {
	(void)ud;
	if (await_task(aw_task_current(), NULL) == AW_ESELFAWAIT) trace("a task cannot await itself");
	must(aw_sleep(0));
	return aw_return(text, NULL);
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	aw_task *task = create_task(me, NULL);
	void *value = NULL;
	must(await_task(task, &value));
	trace("%s", (const char *)value);
	aw_task_unref(task);
	return 0;
}

CASE(trap_T17, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
