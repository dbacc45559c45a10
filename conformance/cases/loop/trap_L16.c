/* SPDX-License-Identifier: MIT */
/*
 * L16: cancelling a handle from an earlier callback of the batch prevents it; cancelling one that ran changes
 * nothing but its answer.
 */
#include "bare.h"

static aw_status cancel(aw_loop *loop, void *handle) {
	(void)loop;
	return aw_handle_cancel(*(aw_handle **)handle);
}

CASE(trap_L16, 0.0, CASE_ANY) {
	aw_loop *loop = new_event_loop();
	aw_handle *x = NULL, *y = NULL;
	call_soon(loop, cancel, &x);
	must(aw_loop_call_soon(loop, say, "x", NULL, &x));
	must(aw_loop_call_soon(loop, say, "y", NULL, &y));
	call_soon(loop, stop, NULL);
	must(aw_loop_run_forever(loop));
	trace("%s %s", True_or_False(aw_handle_cancelled(x)), True_or_False(aw_handle_cancelled(y)));
	must(aw_handle_cancel(y));
	must(aw_handle_cancel(y));
	trace("%s %s", True_or_False(aw_handle_cancelled(x)), True_or_False(aw_handle_cancelled(y)));
	aw_handle_unref(x);
	aw_handle_unref(y);
	close_event_loop(loop);
	return 0;
}
