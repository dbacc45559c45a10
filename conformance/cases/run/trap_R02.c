/* SPDX-License-Identifier: MIT */
/*
 * R02: a remaining task that fails while it is cancelled is reported; one that swallows the cancellation is
 * awaited to its end.
 */
#include "case.h"

static aw_status fail(void *ud) {
	(void)ud;
	aw_status status = aw_sleep(9 * AW_SECOND);
	return status == AW_ECANCELLED ? -EINVAL : status;
}

static aw_status stubborn(void *ud) {
	(void)ud;
	if (aw_sleep(9 * AW_SECOND) != AW_ECANCELLED) return 0;
	must(aw_sleep(200 * AW_MILLISECOND));
	trace("ended by itself");
	return 0;
}

static aw_status told(aw_loop *loop, const aw_report *report, void *ud) {
	(void)loop;
	(void)ud;
	trace("%s %s", aw_report_message(report), True_or_False(aw_report_error(report) != NULL));
	return 0;
}

static aw_status main_coroutine(void *ud) {
	aw_task **tasks = ud;
	must(aw_loop_set_exception_handler(aw_loop_current(), told, NULL, NULL));
	tasks[0] = create_task(fail, NULL);
	tasks[1] = create_task(stubborn, NULL);
	must(aw_sleep(0));
	return 0;
}

CASE(trap_R02, 0.2, CASE_ANY) {
	aw_task *tasks[2];
	must(aw_run(NULL, main_coroutine, tasks, NULL, NULL));
	drop_tasks(tasks, 2);
	return 0;
}
