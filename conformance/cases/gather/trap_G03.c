/* SPDX-License-Identifier: MIT */
/* G03: the same awaitable given twice runs once, and its result comes twice. */
#include "job.h"

static aw_status main_coroutine(void *ud) {
	(void)ud;
	job a = {"a", 0, 0};
	aw_task *task = start_job(&a), *twice[] = {task, task};
	aw_future *gathered = gather(twice, 2, AW_GATHER_DEFAULT);
	void *results = NULL, *first = NULL, *second = NULL;
	must(aw_await(gathered, &results));
	must(aw_results_get(results, 0, &first));
	must(aw_results_get(results, 1, &second));
	trace("%s %s", (char *)first, (char *)second);
	aw_future_unref(gathered);
	aw_task_unref(task);
	return 0;
}

CASE(trap_G03, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
