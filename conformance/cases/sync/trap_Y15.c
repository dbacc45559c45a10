/* SPDX-License-Identifier: MIT */
/* Y15: a waiter that is cancelled leaves a barrier, and does not break it. */
#include "case.h"

static aw_status party(void *barrier) {
	return aw_barrier_wait(barrier);
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	aw_barrier *barrier = NULL;
	must(aw_barrier_new(NULL, 2, &barrier));
	aw_task *task = create_task(party, barrier);
	must(aw_sleep(0));
	trace("%d", aw_barrier_n_waiting(barrier));
	must(aw_task_cancel(task, NULL));
	wait_tasks(&task, 1);
	trace("%s %d %s", True_or_False(aw_future_cancelled(aw_task_future(task))), aw_barrier_n_waiting(barrier),
	      True_or_False(aw_barrier_broken(barrier)));
	aw_task_unref(task);
	aw_barrier_unref(barrier);
	return 0;
}

CASE(trap_Y15, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
