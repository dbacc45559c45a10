/* SPDX-License-Identifier: MIT */
/* S04: if the shield was cancelled and the shielded task fails later, the failure is reported once. */
#include "job.h"

static int told_count;

static aw_status told(aw_loop *loop, const aw_report *report, void *ud) {
	(void)loop;
	(void)ud;
	if (aw_error_status(aw_report_error(report)) == -EINVAL) told_count++;
	return 0;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	must(aw_loop_set_exception_handler(aw_loop_current(), told, NULL, NULL));
	job inner = {"inner", 1, -EINVAL};
	aw_task *task = start_job(&inner);
	aw_future *shield = NULL;
	must(aw_shield(aw_task_future(task), &shield));
	must(aw_sleep(0));
	must(aw_future_cancel(shield, NULL));
	must(aw_sleep(2 * TICK));
	aw_task_unref(task);
	trace("told %d", told_count);
	aw_future_unref(shield);
	return 0;
}

CASE(trap_S04, 0.4, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
