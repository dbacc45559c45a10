/* SPDX-License-Identifier: MIT */
/*
 * A05: wait for futures that are all done suspends all the same; with a limit of 0 it tells those that are
 * done.
 */
#include "case.h"

static aw_status tick(aw_loop *loop, void *ud) {
	(void)loop;
	(void)ud;
	trace("tick");
	return 0;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	aw_future *futures[] = {create_future(), create_future()};
	must(aw_future_set_result(futures[0], NULL, NULL));
	must(aw_loop_call_soon(aw_loop_current(), tick, NULL, NULL, NULL));
	must(aw_wait(futures, 1, AW_ALL_COMPLETED, AW_FOREVER, NULL));
	trace("waited");
	int done = must(aw_wait(futures, 2, AW_ALL_COMPLETED, 0, NULL));
	trace("%d %d", done, 2 - done);
	aw_future_unref(futures[0]);
	aw_future_unref(futures[1]);
	return 0;
}

CASE(trap_A05, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
