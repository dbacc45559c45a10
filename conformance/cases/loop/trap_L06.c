/* SPDX-License-Identifier: MIT */
/* L06: a timer never fires before its deadline. */
#include "bare.h"

static int early;

static aw_status check(aw_loop *loop, void *ud) {
	if (aw_loop_time(loop) < *(const int64_t *)ud) early++;
	return 0;
}

CASE(trap_L06, 0.15, CASE_ANY) {
	int64_t when[60];
	aw_loop *loop = new_event_loop();
	for (int i = 1; i < 60; i++) {
		when[i] = aw_loop_time(loop) + i * 1370 * AW_MICROSECOND;
		must(aw_loop_call_at(loop, when[i], check, &when[i], NULL, NULL));
	}
	call_later(loop, 150 * AW_MILLISECOND, stop, NULL);
	must(aw_loop_run_forever(loop));
	close_event_loop(loop);
	trace("early: %d", early);
	return 0;
}
