/* SPDX-License-Identifier: MIT */
/* A timeout on a shield cancels the shield; the shielded task continues. */
#include "case.h"

static aw_status do_async_job(void *ud) {
	(void)ud;
	trace("do_async_job!");
	must(aw_sleep(2 * AW_SECOND));
	trace("protect me from cancelling!");
	return 0;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	aw_task *task = create_task(do_async_job, NULL);
	aw_future *shield = NULL;
	must(aw_shield(aw_task_future(task), &shield));
	trace("shield's type => %s", aw_future_task(shield) ? "Task" : "Future");
	if (aw_wait_for(shield, AW_SECOND, NULL) == AW_ETIMEOUT) {
		trace("timeout!");
		trace("shield canceled: %s", True_or_False(aw_future_cancelled(shield)));
		trace("task canceled: %s", True_or_False(aw_future_cancelled(aw_task_future(task))));
		must(await_task(task, NULL));
	}
	aw_future_unref(shield);
	aw_task_unref(task);
	return 0;
}

CASE(s001_04_shield, 2.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
