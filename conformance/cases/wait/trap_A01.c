/* SPDX-License-Identifier: MIT */
/*
 * A01: wait gives no AW_ETIMEOUT and cancels nothing: at the limit it tells what is done and what is pending.
 */
#include "job.h"

static aw_status main_coroutine(void *ud) {
	(void)ud;
	job a = {"a", 1, 0}, b = {"b", 6, 0};
	aw_task *tasks[] = {start_job(&a), start_job(&b)};
	aw_future *futures[] = {aw_task_future(tasks[0]), aw_task_future(tasks[1])};
	aw_bool done[2];
	must(aw_wait(futures, 2, AW_ALL_COMPLETED, 3 * TICK, done));
	trace("%s %s %s", True_or_False(done[0]), True_or_False(!done[1]),
	      True_or_False(aw_future_cancelled(futures[1])));
	must(aw_await(futures[1], NULL));
	drop_tasks(tasks, 2);
	return 0;
}

CASE(trap_A01, 1.2, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
