/* SPDX-License-Identifier: MIT */
/*
 * F08: those who wait for one future wake in the order in which they began to, all in one iteration, and see
 * the same result.
 */
#include "bare.h"

static aw_future *future;

static aw_status waiter(void *name) {
	void *result = NULL;
	must(aw_await(future, &result));
	trace("%s %d", (const char *)name, *(int *)result);
	return 0;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	int seven = 7;
	future = create_future();
	aw_task *tasks[] = {create_task(waiter, "a"), create_task(waiter, "b"), create_task(waiter, "c")};
	must(aw_sleep(0));
	must(aw_future_set_result(future, &seven, NULL));
	must(aw_sleep(0));
	trace("main");
	wait_tasks(tasks, 3);
	drop_tasks(tasks, 3);
	aw_future_unref(future);
	return 0;
}

CASE(trap_F08, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
