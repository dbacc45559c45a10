/* SPDX-License-Identifier: MIT */
/*
 * G08: a child is cancelled by somebody else: the gather raises the cancellation, though the task that awaits
 * it is not being cancelled, and the siblings continue.
 */
#include "job.h"

static aw_status main_coroutine(void *ud) {
	(void)ud;
	job a = {"a", 9, 0}, b = {"b", 3, 0};
	aw_task *tasks[] = {start_job(&a), start_job(&b)};
	must(aw_loop_call_later(aw_loop_current(), TICK, cancel_task, tasks[0], NULL, NULL));
	aw_future *gathered = gather(tasks, 2, AW_GATHER_DEFAULT);
	if (aw_await(gathered, NULL) == AW_ECANCELLED)
		trace("CancelledError %d", aw_task_cancelling(aw_task_current()));
	must(aw_sleep(4 * TICK));
	aw_future_unref(gathered);
	drop_tasks(tasks, 2);
	return 0;
}

CASE(trap_G08, 1.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
