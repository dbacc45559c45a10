/* SPDX-License-Identifier: MIT */
/* G11: children run whether or not the gather is awaited. */
#include "job.h"

static aw_status main_coroutine(void *ud) {
	(void)ud;
	job a = {"a", 1, 0};
	aw_task *task = start_job(&a);
	aw_future *gathered = gather(&task, 1, AW_GATHER_DEFAULT);
	must(aw_sleep(0));
	trace("awaits");
	must(aw_await(gathered, NULL));
	aw_future_unref(gathered);
	aw_task_unref(task);
	return 0;
}

CASE(trap_G11, 0.2, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
