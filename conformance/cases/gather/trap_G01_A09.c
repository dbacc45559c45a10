/* SPDX-License-Identifier: MIT */
/*
 * G01, A09: results come in the order of the arguments, whatever the order of the ends; children start in
 * that order too.
 */
#include "job.h"

static aw_status main_coroutine(void *ud) {
	(void)ud;
	job a = {"a", 2, 0}, b = {"b", 1, 0};
	aw_task *tasks[] = {start_job(&a), start_job(&b)};
	aw_future *gathered = gather(tasks, 2, AW_GATHER_DEFAULT);
	void *results = NULL, *first = NULL, *second = NULL;
	must(aw_await(gathered, &results));
	must(aw_results_get(results, 0, &first));
	must(aw_results_get(results, 1, &second));
	trace("%s %s", (char *)first, (char *)second);
	aw_future_unref(gathered);
	drop_tasks(tasks, 2);
	return 0;
}

CASE(trap_G01_A09, 0.4, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
