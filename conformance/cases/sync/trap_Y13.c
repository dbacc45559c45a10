/* SPDX-License-Identifier: MIT */
/*
 * Y13: a barrier's wait returns the order of arrival; the last to arrive continues first, then the others in
 * order; the barrier can be used again.
 */
#include "case.h"

static aw_barrier *barrier;

static aw_status party(void *name) {
	aw_status index = must(aw_barrier_wait(barrier));
	trace("%s %d", (char *)name, index);
	return 0;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	static const char *const names[2][3] = {{"a", "b", "c"}, {"x", "y", "z"}};
	must(aw_barrier_new(NULL, 3, &barrier));
	for (int i = 0; i < 2; i++) {
		aw_task *tasks[] = {create_task(party, names[i][0]), create_task(party, names[i][1]),
		                    create_task(party, names[i][2])};
		wait_tasks(tasks, 3);
		drop_tasks(tasks, 3);
		trace("%d %s", aw_barrier_n_waiting(barrier), True_or_False(aw_barrier_broken(barrier)));
	}
	aw_barrier_unref(barrier);
	return 0;
}

CASE(trap_Y13, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
