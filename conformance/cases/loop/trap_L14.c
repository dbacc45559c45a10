/* SPDX-License-Identifier: MIT */
/*
 * L14: a failing callback is reported to the exception handler, and the batch continues; one that exits ends
 * the run at once, with the rest of the batch still queued.
 */
#include "bare.h"

/* A callback of C fails with a status; the text "no luck" is Python's. */
static aw_status fail(aw_loop *loop, void *ud) {
	(void)loop;
	(void)ud;
	return -EINVAL;
}

static aw_status bye(aw_loop *loop, void *ud) {
	(void)loop;
	(void)ud;
	return AW_ESYSTEMEXIT;
}

static aw_status handler(aw_loop *loop, const aw_report *report, void *ud) {
	(void)loop;
	(void)ud;
	const char *what = aw_error_status(aw_report_error(report)) == -EINVAL ? "no luck" : "?";
	trace("%.21s %s %s", aw_report_message(report), what, True_or_False(aw_report_handle(report) != NULL));
	return 0;
}

CASE(trap_L14, 0.0, CASE_ANY) {
	aw_loop *loop = new_event_loop();
	must(aw_loop_set_exception_handler(loop, handler, NULL, NULL));
	call_soon(loop, fail, NULL);
	call_soon(loop, say, "next");
	call_soon(loop, stop, NULL);
	must(aw_loop_run_forever(loop));
	call_soon(loop, bye, NULL);
	call_soon(loop, say, "after the exit");
	if (aw_loop_run_forever(loop) == AW_ESYSTEMEXIT) trace("exit");
	must(aw_loop_stop(loop));
	must(aw_loop_run_forever(loop));
	close_event_loop(loop);
	return 0;
}
