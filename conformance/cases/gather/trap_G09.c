/* SPDX-License-Identifier: MIT */
/* G09: a gather that has failed can't be cancelled, and the running children continue. */
#include "job.h"

static aw_status main_coroutine(void *ud) {
	(void)ud;
	job a = {"a", 1, -EINVAL}, b = {"b", 2, 0};
	aw_task *tasks[] = {start_job(&a), start_job(&b)};
	aw_future *gathered = gather(tasks, 2, AW_GATHER_DEFAULT);
	if (aw_await(gathered, NULL) == -EINVAL)
		trace("cancel %s", True_or_False(must(aw_future_cancel(gathered, NULL))));
	must(aw_sleep(2 * TICK));
	aw_future_unref(gathered);
	drop_tasks(tasks, 2);
	return 0;
}

CASE(trap_G09, 0.6, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
