/* SPDX-License-Identifier: MIT */
/* K03: a child that is cancelled on its own does not affect the group. */
#include "group.h"

static aw_status main_coroutine(void *ud) {
	(void)ud;
	job a = {"a", 90, 0}, b = {"b", 2, 0};
	aw_taskgroup *group = begin_group();
	aw_task *task = NULL;
	must(aw_taskgroup_spawn(group, run_job, &a, NULL, &task));
	join_group(group, run_job, &b);
	must(aw_sleep(TICK));
	must(aw_task_cancel(task, NULL));
	trace("body goes on");
	must(end_group(group, 0));
	trace("left %s %d", True_or_False(aw_future_cancelled(aw_task_future(task))),
	      aw_task_cancelling(aw_task_current()));
	aw_task_unref(task);
	return 0;
}

CASE(trap_K03, 0.4, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
