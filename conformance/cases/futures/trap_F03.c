/* SPDX-License-Identifier: MIT */
/*
 * F03: done-callbacks never run inside the call that ends the future; they are queued, in order of their
 * registration, also one that is added to a future that is done.
 */
#include "bare.h"

static aw_status a(aw_future *future, void *ud) {
	trace("a %s", True_or_False(future == *(aw_future **)ud));
	return 0;
}

CASE(trap_F03, 0.0, CASE_ANY) {
	aw_loop *loop = new_event_loop();
	aw_future *future = NULL;
	must(aw_future_new(loop, &future));
	must(aw_future_add_done_callback(future, a, &future, NULL));
	must(aw_future_add_done_callback(future, say_done, "b", NULL));
	must(aw_future_set_result(future, NULL, NULL));
	trace("set");
	must(aw_future_add_done_callback(future, say_done, "late", NULL));
	trace("added");
	call_soon(loop, stop, NULL);
	must(aw_loop_run_forever(loop));
	aw_future_unref(future);
	close_event_loop(loop);
	return 0;
}
