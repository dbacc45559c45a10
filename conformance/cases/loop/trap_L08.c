/* SPDX-License-Identifier: MIT */
/*
 * L08: stop before run_forever: one iteration is run, with what is ready and the timers due, and it does not
 * wait.
 */
#include "bare.h"

static aw_status one(aw_loop *loop, void *ud) {
	(void)ud;
	trace("one");
	call_soon(loop, say, "two");
	return 0;
}

CASE(trap_L08, 0.0, CASE_ANY) {
	aw_loop *loop = new_event_loop();
	call_soon(loop, one, NULL);
	call_later(loop, 10 * AW_SECOND, say, "never");
	must(aw_loop_stop(loop));
	must(aw_loop_run_forever(loop));
	trace("returned");
	must(aw_loop_stop(loop));
	must(aw_loop_run_forever(loop));
	trace("returned");
	close_event_loop(loop);
	return 0;
}
