/* SPDX-License-Identifier: MIT */
/*
 * F06: an exception that was never retrieved is reported when the last reference to its future or task is
 * dropped; one that was retrieved is not.
 */
#include "bare.h"

static aw_status told(aw_loop *loop, const aw_report *report, void *ud) {
	(void)loop;
	(void)ud;
	trace("%s %s %s", aw_report_message(report), True_or_False(aw_report_error(report) != NULL),
	      True_or_False(aw_report_future(report) != NULL));
	return 0;
}

static aw_status fail(void *ud) {
	(void)ud;
	return -EINVAL;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	aw_task *task = create_task(fail, NULL);
	must(aw_sleep(0));
	must(aw_sleep(0));
	trace("task dropped");
	aw_task_unref(task);
	return 0;
}

CASE(trap_F06, 0.0, CASE_ANY) {
	aw_loop *loop = new_event_loop();
	aw_future *future = NULL;
	aw_error *error = NULL;
	aw_task *task = NULL;
	must(aw_loop_set_exception_handler(loop, told, NULL, NULL));

	must(aw_future_new(loop, &future));
	must(aw_future_fail(future, -EINVAL, NULL));
	trace("dropped");
	aw_future_unref(future);

	must(aw_future_new(loop, &future));
	must(aw_future_fail(future, -EINVAL, NULL));
	must(aw_future_error(future, &error));
	trace("looked at and dropped");
	aw_future_unref(future);

	must(aw_future_new(loop, &future));
	must(aw_future_fail(future, -EINVAL, NULL));
	trace("cancelled and dropped %s", True_or_False(must(aw_future_cancel(future, NULL))));
	aw_future_unref(future);

	must(aw_task_spawn(loop, main_coroutine, NULL, NULL, &task));
	must(aw_loop_run_until_complete(loop, aw_task_future(task), NULL));
	aw_task_unref(task);
	close_event_loop(loop);
	return 0;
}
