/* SPDX-License-Identifier: MIT */
/* S01: a cancelled awaiter of a shield gets the cancellation at once; the shielded task continues. */
#include "job.h"

static aw_status waiter(void *task) {
	aw_future *shield = NULL;
	must(aw_shield(aw_task_future(task), &shield));
	aw_status status = aw_await(shield, NULL);
	if (status == AW_ECANCELLED) trace("outer X");
	aw_future_unref(shield);
	return status;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	job inner = {"inner", 3, 0};
	aw_task *task = start_job(&inner), *outer = create_task(waiter, task);
	void *value = NULL;
	must(aw_sleep(TICK));
	must(aw_task_cancel(outer, NULL));
	wait_tasks(&outer, 1);
	trace("%s %s", True_or_False(aw_future_cancelled(aw_task_future(outer))),
	      True_or_False(aw_future_cancelled(aw_task_future(task))));
	must(await_task(task, &value));
	trace("%s", (char *)value);
	aw_task_unref(outer);
	aw_task_unref(task);
	return 0;
}

CASE(trap_S01, 0.6, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
