/* SPDX-License-Identifier: MIT */
/* S02: cancelling the task behind a shield cancels the shield too. */
#include "job.h"

static aw_status main_coroutine(void *ud) {
	(void)ud;
	job inner = {"inner", 2, 0};
	aw_task *task = start_job(&inner);
	aw_future *shield = NULL;
	must(aw_shield(aw_task_future(task), &shield));
	must(aw_sleep(0));
	must(aw_task_cancel(task, NULL));
	if (aw_await(shield, NULL) == AW_ECANCELLED)
		trace("%s %s", True_or_False(aw_future_cancelled(shield)),
		      True_or_False(aw_future_cancelled(aw_task_future(task))));
	aw_future_unref(shield);
	aw_task_unref(task);
	return 0;
}

CASE(trap_S02, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
