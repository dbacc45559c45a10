/* SPDX-License-Identifier: MIT */
/* G05: with AW_GATHER_RETURN_ERRORS it waits for all, and failures and cancellations are results. */
#include "job.h"

static aw_status main_coroutine(void *ud) {
	(void)ud;
	job a = {"a", 2, -EINVAL}, b = {"b", 3, 0}, c = {"c", 9, 0};
	aw_task *task = start_job(&c);
	must(aw_loop_call_later(aw_loop_current(), TICK, cancel_task, task, NULL, NULL));
	aw_task *tasks[] = {start_job(&a), task, start_job(&b)};
	aw_future *gathered = gather(tasks, 3, AW_GATHER_RETURN_ERRORS);
	void *results = NULL;
	must(aw_await(gathered, &results));
	for (size_t i = 0; i < aw_results_count(results); i++) {
		void *value = NULL;
		aw_status status = aw_results_get(results, i, &value);
		trace("%s", status < 0 ? aw_err_name(status) : (char *)value);
	}
	aw_future_unref(gathered);
	drop_tasks(tasks, 3);
	return 0;
}

CASE(trap_G05, 0.6, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
