/* SPDX-License-Identifier: MIT */
/*
 * L09: stop inside a callback: the rest of the batch still runs; what it schedules is kept for the next run.
 */
#include "bare.h"

static aw_status same_batch(aw_loop *loop, void *ud) {
	(void)ud;
	trace("same batch");
	call_soon(loop, say, "kept");
	return 0;
}

CASE(trap_L09, 0.0, CASE_ANY) {
	aw_loop *loop = new_event_loop();
	call_soon(loop, stop, NULL);
	call_soon(loop, same_batch, NULL);
	must(aw_loop_run_forever(loop));
	trace("stopped");
	must(aw_loop_stop(loop));
	must(aw_loop_run_forever(loop));
	close_event_loop(loop);
	return 0;
}
