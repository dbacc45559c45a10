/* SPDX-License-Identifier: MIT */
/* L03: call_later(0) is a timer: a call_soon made after it still runs before it. */
#include "bare.h"

static aw_status go(aw_loop *loop, void *ud) {
	(void)ud;
	call_later(loop, 0, say, "later 0");
	call_soon(loop, say, "soon");
	call_later(loop, 20 * AW_MILLISECOND, stop, NULL);
	return 0;
}

CASE(trap_L03, 0.02, CASE_ANY) {
	aw_loop *loop = new_event_loop();
	call_soon(loop, go, NULL);
	must(aw_loop_run_forever(loop));
	close_event_loop(loop);
	return 0;
}
