/* SPDX-License-Identifier: MIT */
/*
 * K05: a cancel from outside while the group deals with a child's error: the errors win, and the parent is
 * cancelled again in its next await, its count being 1.
 */
#include "group.h"

static aw_status parent(void *ud) {
	(void)ud;
	job b = {"b", 2, 0}, a = {"a", 1, -EINVAL};
	aw_taskgroup *group = begin_group();
	join_group(group, run_slow, &b);
	join_group(group, run_job, &a);
	say_group(end_group(group, 0));
	trace("cancelling %d", aw_task_cancelling(aw_task_current()));
	aw_status status = aw_sleep(0);
	trace("next await %s", status == AW_ECANCELLED ? "CancelledError" : "fine");
	return status;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	aw_task *task = create_task(parent, NULL);
	must(aw_sleep(2 * TICK));
	trace("cancel %s", True_or_False(must(aw_task_cancel(task, NULL))));
	wait_tasks(&task, 1);
	trace("%s", True_or_False(aw_future_cancelled(aw_task_future(task))));
	aw_task_unref(task);
	return 0;
}

CASE(trap_K05, 0.6, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
