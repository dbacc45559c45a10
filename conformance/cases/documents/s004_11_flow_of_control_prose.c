/* SPDX-License-Identifier: MIT */
/*
 * The loop takes a task, runs it until it suspends, goes to the next one, and comes back where it left off.
 */
#include "case.h"

static aw_status inner(int n) {
	trace("%d inner before", n);
	must(aw_sleep(0));
	trace("%d inner after", n);
	return 0;
}

static aw_status outer(void *ud) {
	int n = *(const int *)ud;
	trace("%d outer before", n);
	must(inner(n));
	trace("%d outer after", n);
	return 0;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	int numbers[] = {1, 2, 3};
	aw_task *tasks[3];
	for (size_t i = 0; i < 3; i++) tasks[i] = create_task(outer, &numbers[i]);
	aw_future *all = gather(tasks, 3, AW_GATHER_DEFAULT);
	must(aw_await(all, NULL));
	aw_future_unref(all);
	drop_tasks(tasks, 3);
	return 0;
}

CASE(s004_11_flow_of_control_prose, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
