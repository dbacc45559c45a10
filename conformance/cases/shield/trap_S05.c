/* SPDX-License-Identifier: MIT */
/* S05: wait_for a shield: at the limit the shield is cancelled, the task is not. */
#include "job.h"

static aw_status main_coroutine(void *ud) {
	(void)ud;
	job inner = {"inner", 3, 0};
	aw_task *task = start_job(&inner);
	aw_future *shield = NULL;
	void *value = NULL;
	must(aw_shield(aw_task_future(task), &shield));
	if (aw_wait_for(shield, TICK, NULL) == AW_ETIMEOUT)
		trace("%s %s", True_or_False(aw_future_cancelled(shield)),
		      True_or_False(aw_future_cancelled(aw_task_future(task))));
	must(await_task(task, &value));
	trace("%s", (char *)value);
	aw_future_unref(shield);
	aw_task_unref(task);
	return 0;
}

CASE(trap_S05, 0.6, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
