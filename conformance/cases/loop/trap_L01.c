/* SPDX-License-Identifier: MIT */
/*
 * L01: call_soon is first in, first out; what a callback schedules runs in the next iteration, behind all
 * that is queued already.
 */
#include "bare.h"

static aw_status a(aw_loop *loop, void *ud) {
	(void)ud;
	trace("a");
	call_soon(loop, say, "a2");
	return 0;
}

static aw_status b(aw_loop *loop, void *ud) {
	(void)ud;
	trace("b");
	call_soon(loop, say, "b2");
	return 0;
}

static aw_status stop_soon(aw_loop *loop, void *ud) {
	(void)ud;
	call_soon(loop, stop, NULL);
	return 0;
}

CASE(trap_L01, 0.0, CASE_ANY) {
	aw_loop *loop = new_event_loop();
	call_soon(loop, a, NULL);
	call_soon(loop, b, NULL);
	call_soon(loop, say, "c");
	call_soon(loop, stop_soon, NULL);
	must(aw_loop_run_forever(loop));
	close_event_loop(loop);
	return 0;
}
