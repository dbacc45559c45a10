/* SPDX-License-Identifier: MIT */
/* S06: a shield protects from one path only: awaiting the task itself exposes it again. */
#include "job.h"

static aw_status waiter(void *task) {
	aw_future *shield = NULL;
	must(aw_shield(aw_task_future(task), &shield));
	aw_status status = aw_await(shield, NULL);
	if (status == AW_ECANCELLED) status = await_task(task, NULL);
	aw_future_unref(shield);
	return status;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	job inner = {"inner", 9, 0};
	aw_task *task = start_job(&inner), *outer = create_task(waiter, task);
	must(aw_sleep(0));
	must(aw_sleep(0));
	must(aw_task_cancel(outer, NULL));
	must(aw_sleep(0));
	must(aw_task_cancel(outer, NULL));
	wait_tasks(&outer, 1);
	trace("%s %s", True_or_False(aw_future_cancelled(aw_task_future(task))),
	      True_or_False(aw_future_cancelled(aw_task_future(outer))));
	aw_task_unref(outer);
	aw_task_unref(task);
	return 0;
}

CASE(trap_S06, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
