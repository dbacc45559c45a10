/* SPDX-License-Identifier: MIT */
/*
 * K04: a failure of the body cancels the children, waits for them, and is itself among the errors of the
 * group's. A mere cancellation of the parent comes out bare.
 */
#include "group.h"

static aw_status parent(void *ud) {
	aw_taskgroup *group = begin_group();
	join_group(group, run_job, ud);
	aw_status status = end_group(group, 0);
	trace("%s", status == AW_ECANCELLED ? "CancelledError" : aw_err_name(status));
	return status;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	job a = {"a", 90, 0}, b = {"b", 90, 0};
	aw_taskgroup *group = begin_group();
	join_group(group, run_job, &a);
	must(aw_sleep(0));
	say_group(end_group(group, aw_raise(-ENOENT, "body")));
	aw_task *task = create_task(parent, &b);
	must(aw_sleep(TICK));
	must(aw_task_cancel(task, NULL));
	wait_tasks(&task, 1);
	trace("%s", True_or_False(aw_future_cancelled(aw_task_future(task))));
	aw_task_unref(task);
	return 0;
}

CASE(trap_K04, 0.2, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
