/* SPDX-License-Identifier: MIT */
/*
 * L20: debug mode reports a callback or a task's step that takes as long as the limit; otherwise nothing is
 * reported.
 */
#include "bare.h"

static aw_status block(aw_loop *loop, void *milliseconds) {
	(void)loop;
	usleep(*(const unsigned *)milliseconds * 1000);
	return 0;
}

static aw_status told(aw_loop *loop, const aw_report *report, void *ud) {
	(void)loop;
	(void)ud;
	const char *what = aw_future_task(aw_report_future(report)) ? "task"
	                   : aw_report_handle(report)               ? "callback"
	                                                            : "?";
	trace("told of a slow step: %s %s", what,
	      True_or_False(strstr(aw_report_message(report), "took") != NULL));
	return 0;
}

static aw_status task(void *ud) {
	(void)ud;
	usleep(300000);
	return 0;
}

CASE(trap_L20, 1.2, CASE_REAL_TIME) {
	const unsigned slow = 300, quick = 1;
	for (aw_bool debug = 0; debug <= 1; debug++) {
		trace("debug %s", True_or_False(debug));
		aw_loop *loop = new_event_loop();
		must(aw_loop_set_exception_handler(loop, told, NULL, NULL));
		must(aw_loop_set_debug(loop, debug));
		must(aw_loop_set_slow_callback_duration(loop, 200 * AW_MILLISECOND));
		call_soon(loop, block, &slow);
		call_soon(loop, block, &quick);
		aw_task *slow_task = NULL;
		must(aw_task_spawn(loop, task, NULL, NULL, &slow_task));
		must(aw_loop_run_until_complete(loop, aw_task_future(slow_task), NULL));
		aw_task_unref(slow_task);
		close_event_loop(loop);
	}
	return 0;
}
