/* SPDX-License-Identifier: MIT */
/*
 * T20: the loop owns its tasks, so a task whose handle was dropped continues; one that is pending when its
 * loop is closed is reported, and unwinds.
 */
#include "bare.h"

static bool unwound;

static aw_status report(aw_loop *loop, const aw_report *report, void *ud) {
	(void)loop;
	(void)ud;
	trace("%s", aw_report_message(report));
	return 0;
}

static aw_status ends(void *ud) {
	(void)ud;
	must(aw_sleep(TICK));
	trace("went on without a handle");
	return aw_loop_stop(aw_loop_current());
}

static aw_status stays(void *f) {
	aw_status status = aw_await(f, NULL);
	unwound = status == AW_ELOOPCLOSED;
	return status;
}

CASE(trap_T20, 0.2, CASE_ANY) {
	aw_loop *loop = new_event_loop();
	aw_future *f = NULL;
	must(aw_loop_set_exception_handler(loop, report, NULL, NULL));
	must(aw_future_new(loop, &f));
	must(aw_task_spawn(loop, ends, NULL, NULL, NULL));
	must(aw_task_spawn(loop, stays, f, NULL, NULL));
	must(aw_loop_run_forever(loop));
	trace("close");
	close_event_loop(loop);
	aw_future_unref(f);
	return unwound ? 0 : AW_EINVALIDSTATE;
}
