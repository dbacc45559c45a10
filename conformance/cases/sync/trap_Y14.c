/* SPDX-License-Identifier: MIT */
/*
 * Y14: abort breaks a barrier for those who wait and those who come, until a reset; reset breaks only those
 * who wait.
 */
#include "case.h"

static aw_barrier *barrier;

static aw_status party(void *ud) {
	(void)ud;
	aw_status index = aw_barrier_wait(barrier);
	if (index == AW_EBROKENBARRIER) trace("broken");
	if (index >= 0) trace("%d", index);
	return 0;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	must(aw_barrier_new(NULL, 2, &barrier));
	aw_task *task = create_task(party, NULL);
	must(aw_sleep(0));
	must(aw_barrier_abort(barrier));
	must(await_task(task, NULL));
	aw_task_unref(task);
	must(party(NULL));
	trace("%s", True_or_False(aw_barrier_broken(barrier)));
	must(aw_barrier_reset(barrier));
	trace("%s", True_or_False(aw_barrier_broken(barrier)));
	task = create_task(party, NULL);
	must(aw_sleep(0));
	trace("waiting %d", aw_barrier_n_waiting(barrier));
	must(aw_barrier_reset(barrier));
	must(await_task(task, NULL));
	aw_task_unref(task);
	trace("%s", True_or_False(aw_barrier_broken(barrier)));
	aw_task *tasks[] = {create_task(party, NULL), create_task(party, NULL)};
	wait_tasks(tasks, 2);
	drop_tasks(tasks, 2);
	aw_barrier_unref(barrier);
	return 0;
}

CASE(trap_Y14, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
