/* SPDX-License-Identifier: MIT */
/*
 * A02: AW_FIRST_COMPLETED counts any end, also a cancellation; AW_FIRST_EXCEPTION counts failures alone, and
 * waits for all if there is none.
 */
#include "job.h"

/* asyncio.wait(tasks, return_when=when): how many are done and pending. */
static void wait_when(aw_task *const *tasks, size_t count, int32_t when) {
	aw_future *futures[3];
	for (size_t i = 0; i < count; i++) futures[i] = aw_task_future(tasks[i]);
	int done = must(aw_wait(futures, count, when, AW_FOREVER, NULL));
	trace("%d %d", done, (int)count - done);
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	job a = {"a", 9, 0}, b = {"b", 3, -EINVAL}, c = {"c", 5, 0}, d = {"d", 1, 0}, e = {"e", 2, 0};
	for (int32_t when = AW_FIRST_COMPLETED; when <= AW_FIRST_EXCEPTION; when++) {
		trace("%s", when == AW_FIRST_COMPLETED ? "FIRST_COMPLETED" : "FIRST_EXCEPTION");
		aw_task *tasks[] = {start_job(&a), start_job(&b), start_job(&c)};
		must(aw_loop_call_later(aw_loop_current(), TICK, cancel_task, tasks[0], NULL, NULL));
		wait_when(tasks, 3, when);
		wait_tasks(tasks, 3);
		drop_tasks(tasks, 3);
	}
	aw_task *tasks[] = {start_job(&d), start_job(&e)};
	wait_when(tasks, 2, AW_FIRST_EXCEPTION);
	drop_tasks(tasks, 2);
	return 0;
}

CASE(trap_A02, 2.4, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
