/* SPDX-License-Identifier: MIT */
/* A06: as_completed gives results in the order of the ends; a task given twice counts once. */
#include "job.h"

static aw_status main_coroutine(void *ud) {
	(void)ud;
	job jobs[] = {{"a", 5, 0}, {"b", 1, 0}, {"c", 3, 0}};
	aw_task *tasks[3];
	aw_future *twice[6];
	for (size_t i = 0; i < 3; i++) {
		tasks[i] = start_job(&jobs[i]);
		twice[i] = twice[i + 3] = aw_task_future(tasks[i]);
	}
	aw_as_completed *iterator = NULL;
	aw_future *future = NULL;
	must(aw_as_completed_new(NULL, twice, 6, AW_FOREVER, &iterator));
	while (aw_as_completed_next(iterator, &future) >= 0) {
		trace("%s", outcome(future));
		aw_future_unref(future);
	}
	trace("end");
	aw_as_completed_unref(iterator);
	drop_tasks(tasks, 3);
	return 0;
}

CASE(trap_A06, 1.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
