/* SPDX-License-Identifier: MIT */
/*
 * F05: a failing done-callback is reported to the exception handler; it neither stops the next one nor
 * changes the future.
 */
#include "bare.h"

static aw_status told(aw_loop *loop, const aw_report *report, void *ud) {
	(void)loop;
	(void)ud;
	trace("told %s", True_or_False(aw_report_error(report) != NULL));
	return 0;
}

static aw_status fail(aw_future *future, void *ud) {
	(void)future;
	(void)ud;
	return -EINVAL;
}

CASE(trap_F05, 0.0, CASE_ANY) {
	int five = 5;
	aw_loop *loop = new_event_loop();
	aw_future *future = NULL;
	void *result = NULL;
	must(aw_loop_set_exception_handler(loop, told, NULL, NULL));
	must(aw_future_new(loop, &future));
	must(aw_future_add_done_callback(future, fail, NULL, NULL));
	must(aw_future_add_done_callback(future, say_done, "second", NULL));
	must(aw_future_set_result(future, &five, NULL));
	call_soon(loop, stop, NULL);
	must(aw_loop_run_forever(loop));
	must(aw_future_result(future, &result));
	trace("%d", *(int *)result);
	aw_future_unref(future);
	close_event_loop(loop);
	return 0;
}
