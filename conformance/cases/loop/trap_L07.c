/* SPDX-License-Identifier: MIT */
/* L07: cancelled timers are released in the next iteration, however many there are; the others stay. */
#include "bare.h"

static int held;

static aw_status never(aw_loop *loop, void *ud) {
	(void)loop;
	(void)ud;
	trace("ran");
	return 0;
}

static void let_go(void *ud) {
	(void)ud;
	held--;
}

static void schedule(aw_loop *loop, int64_t delay, int count, aw_handle **timers) {
	for (int i = 0; i < count; i++, held++)
		must(aw_loop_call_later(loop, (delay + i) * AW_SECOND, never, NULL, let_go, &timers[i]));
}

static void cancel(aw_handle **timers, int count) {
	for (int i = 0; i < count; i++) must(aw_handle_cancel(timers[i]));
}

static int left(aw_loop *loop) {
	call_soon(loop, stop, NULL);
	must(aw_loop_run_forever(loop));
	return held;
}

CASE(trap_L07, 0.0, CASE_ANY) {
	aw_loop *loop = new_event_loop();
	aw_handle *timers[100], *more[101];
	schedule(loop, 1000, 100, timers);
	cancel(timers + 1, 99);
	trace("100 scheduled, 99 cancelled: %d", left(loop));
	schedule(loop, 2000, 101, more);
	trace("201 scheduled, 99 cancelled: %d", left(loop));
	cancel(more, 2);
	trace("201 scheduled, 101 cancelled: %d", left(loop));
	for (int i = 0; i < 100; i++) aw_handle_unref(timers[i]);
	for (int i = 0; i < 101; i++) aw_handle_unref(more[i]);
	close_event_loop(loop);
	return held == 0 ? 0 : AW_EINVALIDSTATE;
}
