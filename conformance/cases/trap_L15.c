/* SPDX-License-Identifier: MIT */
/* L15: an exception handler that fails itself does not end the loop. */
#include "../bare.h"

static aw_status fail(aw_loop *loop, void *ud) {
	(void)loop;
	(void)ud;
	return -EINVAL;
}

static aw_status handler(aw_loop *loop, const aw_report *report, void *ud) {
	(void)loop;
	(void)report;
	(void)ud;
	trace("handler");
	return -EINVAL;
}

CASE(trap_L15, 0.0, CASE_ANY) {
	aw_loop *loop = new_event_loop();
	must(aw_loop_set_exception_handler(loop, handler, NULL, NULL));
	call_soon(loop, fail, NULL);
	call_soon(loop, say, "next");
	call_soon(loop, stop, NULL);
	must(aw_loop_run_forever(loop));
	trace("survived");
	close_event_loop(loop);
	return 0;
}
