/* SPDX-License-Identifier: MIT */
/* L12: a loop that runs can't be run, nor can another one in the same thread. */
#include "bare.h"

static aw_status main_coroutine(void *ud) {
	(void)ud;
	aw_loop *running = aw_loop_current(), *other = new_event_loop(), *loops[] = {running, other};
	for (size_t i = 0; i < 2; i++) {
		aw_future *future = NULL;
		must(aw_future_new(loops[i], &future));
		if (aw_loop_run_until_complete(loops[i], future, NULL) == AW_ELOOPRUNNING) trace("refused");
		aw_future_unref(future);
	}
	trace("running %s %s", True_or_False(aw_loop_is_running(running)),
	      True_or_False(aw_loop_is_running(other)));
	close_event_loop(other);
	return 0;
}

CASE(trap_L12, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
