/* SPDX-License-Identifier: MIT */
/*
 * K02: errors that siblings raise while they are being cancelled are collected as well, in the order in which
 * they come.
 */
#include "group.h"

static aw_status fails_late(void *ud) {
	const job *self = ud;
	aw_status status = aw_sleep(90 * TICK);
	if (status != AW_ECANCELLED) return status;
	must(aw_sleep(self->units * TICK));
	trace("%s fails", self->name);
	return aw_raise(self->error, self->name);
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	job third = {"third", 2, -ENOENT}, second = {"second", 1, -ENOENT}, first = {"first", 1, -EINVAL};
	aw_taskgroup *group = begin_group();
	join_group(group, fails_late, &third);
	join_group(group, fails_late, &second);
	join_group(group, run_job, &first);
	say_group(end_group(group, 0));
	return 0;
}

CASE(trap_K02, 0.6, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
