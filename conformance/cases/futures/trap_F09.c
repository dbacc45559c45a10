/* SPDX-License-Identifier: MIT */
/*
 * F09: cancelling a task that waits for a plain future cancels that future, and so every other one who waits
 * for it.
 */
#include "bare.h"

static aw_future *future;

static aw_status waiter(void *name) {
	aw_status status = aw_await(future, NULL);
	if (status == AW_ECANCELLED) trace("%s cancelled", (const char *)name);
	return status;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	future = create_future();
	aw_task *tasks[] = {create_task(waiter, "a"), create_task(waiter, "b")};
	must(aw_sleep(0));
	must(aw_task_cancel(tasks[0], NULL));
	trace("%s", True_or_False(aw_future_cancelled(future)));
	wait_tasks(tasks, 2);
	trace("%s %d %d", True_or_False(aw_future_cancelled(aw_task_future(tasks[1]))),
	      aw_task_cancelling(tasks[0]), aw_task_cancelling(tasks[1]));
	drop_tasks(tasks, 2);
	aw_future_unref(future);
	return 0;
}

CASE(trap_F09, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
