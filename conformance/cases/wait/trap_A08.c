/* SPDX-License-Identifier: MIT */
/* A08: as_completed gives the very tasks handed in; leaving it early leaves the others running. */
#include "job.h"

static aw_status main_coroutine(void *ud) {
	(void)ud;
	job a = {"a", 3, 0}, b = {"b", 1, 0};
	aw_task *tasks[] = {start_job(&a), start_job(&b)};
	aw_future *futures[] = {aw_task_future(tasks[0]), aw_task_future(tasks[1])}, *first = NULL;
	aw_as_completed *iterator = NULL;
	must(aw_as_completed_new(NULL, futures, 2, AW_FOREVER, &iterator));
	must(aw_as_completed_next(iterator, &first));
	trace("%s", True_or_False(first == futures[1]));
	aw_future_unref(first);
	aw_as_completed_unref(iterator);
	trace("%s", True_or_False(aw_future_done(futures[0])));
	wait_tasks(tasks, 2);
	drop_tasks(tasks, 2);
	return 0;
}

CASE(trap_A08, 0.6, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
