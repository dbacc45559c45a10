/* SPDX-License-Identifier: MIT */
/*
 * K01: the first failure cancels all siblings and the parent's body, and waits for all of them. The group's
 * error has the failures only, no cancelled sibling, and the parent's cancel count is 0 again.
 */
#include "group.h"

static aw_status main_coroutine(void *ud) {
	(void)ud;
	job a = {"a", 1, -EINVAL}, b = {"b", 1, 0};
	aw_taskgroup *group = begin_group();
	join_group(group, run_job, &a);
	join_group(group, run_slow, &b);
	aw_status body = aw_sleep(90 * TICK);
	if (body == AW_ECANCELLED) trace("body X");
	say_group(end_group(group, body));
	trace("cancelling %d", aw_task_cancelling(aw_task_current()));
	return 0;
}

CASE(trap_K01, 0.4, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
