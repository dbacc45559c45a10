/* SPDX-License-Identifier: MIT */
/* A callback with its own argument, and one on a failing task, which sees the failure. */
#include "case.h"

static aw_status cb(aw_future *future, void *label) {
	void *value = NULL;
	if (aw_future_result(future, &value) < 0)
		trace("%s exception", (char *)label);
	else
		trace("%s %d", (char *)label, *(int *)value);
	return 0;
}

static aw_status ok(void *ud) {
	return aw_return(ud, NULL);
}

static aw_status bad(void *ud) {
	(void)ud;
	return -EINVAL;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	int one = 1;
	char label_ok[] = "ok", label_bad[] = "bad";
	aw_task *tasks[] = {create_task(ok, &one), create_task(bad, NULL)};
	must(aw_future_add_done_callback(aw_task_future(tasks[0]), cb, label_ok, NULL));
	must(aw_future_add_done_callback(aw_task_future(tasks[1]), cb, label_bad, NULL));
	trace("callbacks set");
	wait_tasks(tasks, 2);
	drop_tasks(tasks, 2);
	return 0;
}

CASE(s004_10_callback_prose, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
