/* SPDX-License-Identifier: MIT */
/*
 * F02: result and exception of a pending future are errors; of a cancelled one they raise the cancellation.
 */
#include "bare.h"

static void say_status(aw_status status) {
	if (status == AW_EINVALIDSTATE) trace("InvalidStateError");
	if (status == AW_ECANCELLED) trace("CancelledError");
}

CASE(trap_F02, 0.0, CASE_ANY) {
	aw_loop *loop = new_event_loop();
	aw_future *future = NULL;
	must(aw_future_new(loop, &future));
	for (int i = 0; i < 2; i++) {
		aw_error *error = NULL;
		say_status(aw_future_result(future, NULL));
		say_status(aw_future_error(future, &error));
		must(aw_future_cancel(future, NULL));
	}
	aw_future_unref(future);
	close_event_loop(loop);
	return 0;
}
