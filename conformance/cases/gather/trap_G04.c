/* SPDX-License-Identifier: MIT */
/*
 * G04: the first exception ends the gather at once; the other children continue, and their later failures are
 * not reported.
 */
#include "job.h"

static aw_status told(aw_loop *loop, const aw_report *report, void *ud) {
	(void)loop;
	(void)ud;
	trace("told %s", aw_report_message(report));
	return 0;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	must(aw_loop_set_exception_handler(aw_loop_current(), told, NULL, NULL));
	job a = {"a", 1, -EINVAL}, b = {"b", 2, 0}, c = {"c", 3, -EIO};
	aw_task *tasks[] = {start_job(&a), start_job(&b), start_job(&c)};
	aw_future *gathered = gather(tasks, 3, AW_GATHER_DEFAULT);
	if (aw_await(gathered, NULL) == -EINVAL) trace("failed: %s", aw_error_message(aw_caught()));
	aw_future_unref(gathered);
	drop_tasks(tasks, 3);
	must(aw_sleep(3 * TICK));
	trace("end");
	return 0;
}

CASE(trap_G04, 0.8, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
