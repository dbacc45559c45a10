/* SPDX-License-Identifier: MIT */
/* T18: nobody sets the result or the error of a task. Names are Task-N by default, from one counter. */
#include "case.h"

static char own[] = "its own", foreign[] = "foreign";

static aw_status c(void *ud) {
	(void)ud;
	return aw_return(own, NULL);
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	aw_task *tasks[] = {create_task(c, NULL), create_task(c, NULL), create_task(c, NULL)};
	aw_future *first = aw_task_future(tasks[0]);
	if (aw_future_set_result(first, foreign, NULL) == -EPERM) trace("refused");
	if (aw_future_fail(first, AW_ETIMEOUT, NULL) == -EPERM) trace("refused");
	must(aw_task_set_name(tasks[2], "x"));
	trace("%s ['%s', '%s', '%s']", aw_task_name(aw_task_current()), aw_task_name(tasks[0]),
	      aw_task_name(tasks[1]), aw_task_name(tasks[2]));
	void *value = NULL;
	must(await_task(tasks[0], &value));
	trace("%s", (const char *)value);
	wait_tasks(tasks, 3);
	drop_tasks(tasks, 3);
	return 0;
}

CASE(trap_T18, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
