/* SPDX-License-Identifier: MIT */
/*
 * A07: once the limit has passed, as_completed gives AW_ETIMEOUT for each that is left, and cancels nothing.
 */
#include "job.h"

static aw_status main_coroutine(void *ud) {
	(void)ud;
	job jobs[] = {{"a", 1, 0}, {"b", 6, 0}, {"c", 8, 0}};
	aw_task *tasks[3];
	aw_future *futures[3];
	for (size_t i = 0; i < 3; i++) {
		tasks[i] = start_job(&jobs[i]);
		futures[i] = aw_task_future(tasks[i]);
	}
	aw_as_completed *iterator = NULL;
	must(aw_as_completed_new(NULL, futures, 3, 3 * TICK, &iterator));
	for (;;) {
		aw_future *future = NULL;
		aw_status status = aw_as_completed_next(iterator, &future);
		if (status == AW_ESTOPITERATION) break;
		if (status >= 0) trace("%s", outcome(future));
		if (status == AW_ETIMEOUT) trace("TimeoutError");
		aw_future_unref(future);
	}
	trace("%s %s %s", True_or_False(aw_future_done(futures[0])), True_or_False(aw_future_done(futures[1])),
	      True_or_False(aw_future_done(futures[2])));
	wait_tasks(tasks, 3);
	aw_as_completed_unref(iterator);
	drop_tasks(tasks, 3);
	return 0;
}

CASE(trap_A07, 1.6, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
