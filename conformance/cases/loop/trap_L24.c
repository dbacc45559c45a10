/* SPDX-License-Identifier: MIT */
/* L24: a blocking step delays everything; the timers overdue by then all run in one batch, each once. */
#include "bare.h"

static aw_status main_coroutine(void *ud) {
	(void)ud;
	aw_loop *loop = aw_loop_current();
	call_later(loop, 50 * AW_MILLISECOND, say, "one");
	call_later(loop, 100 * AW_MILLISECOND, say, "two");
	call_later(loop, 150 * AW_MILLISECOND, say, "three");
	usleep(300000);
	trace("blocked");
	must(aw_sleep(0));
	must(aw_sleep(0));
	trace("end");
	return 0;
}

CASE(trap_L24, 0.3, CASE_REAL_TIME) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
