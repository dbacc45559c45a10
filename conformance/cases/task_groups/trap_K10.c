/* SPDX-License-Identifier: MIT */
/*
 * K10: a child fails while the parent waits in the group's end already: the parent's cancel count is 0
 * afterwards, and a later timeout in that task does its work.
 */
#include "group.h"

static aw_status main_coroutine(void *ud) {
	(void)ud;
	job a = {"a", 1, -EINVAL};
	aw_taskgroup *group = begin_group();
	join_group(group, run_job, &a);
	say_group(end_group(group, 0));
	trace("cancelling %d", aw_task_cancelling(aw_task_current()));
	aw_timeout *timeout = NULL;
	must(aw_timeout_new(NULL, TICK, &timeout));
	must(aw_timeout_enter(timeout));
	if (aw_timeout_exit(timeout, aw_sleep(90 * TICK)) == AW_ETIMEOUT)
		trace("TimeoutError %d", aw_task_cancelling(aw_task_current()));
	aw_timeout_unref(timeout);
	return 0;
}

CASE(trap_K10, 0.4, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
