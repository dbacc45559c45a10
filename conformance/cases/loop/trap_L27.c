/* SPDX-License-Identifier: MIT */
/*
 * L27: a cancelled timer keeps its deadline, and does not shorten the wait for the next one; cancelling one
 * that ran disturbs nothing.
 */
#include "bare.h"

static aw_status cancel(aw_loop *loop, void *handle) {
	(void)loop;
	return aw_handle_cancel(handle);
}

CASE(trap_L27, 0.1, CASE_ANY) {
	aw_loop *loop = new_event_loop();
	aw_handle *ran = NULL, *handle = NULL;
	must(aw_loop_call_later(loop, 0, say, "ran", NULL, &ran));
	must(aw_loop_call_later(loop, 20 * AW_MILLISECOND, say, "never", NULL, &handle));
	int64_t when = aw_handle_when(handle);
	must(aw_handle_cancel(handle));
	int64_t start = aw_loop_time(loop);
	call_later(loop, 50 * AW_MILLISECOND, cancel, ran);
	call_later(loop, 100 * AW_MILLISECOND, stop, NULL);
	must(aw_loop_run_forever(loop));
	trace("%s %s %s", True_or_False(aw_handle_cancelled(handle)),
	      True_or_False(aw_handle_when(handle) == when),
	      True_or_False(aw_loop_time(loop) - start >= 100 * AW_MILLISECOND));
	trace("%s", True_or_False(aw_handle_cancelled(ran)));
	aw_handle_unref(ran);
	aw_handle_unref(handle);
	close_event_loop(loop);
	return 0;
}
