/* SPDX-License-Identifier: MIT */
/* F10: awaiting a future of another loop is an error, inside the coroutine. */
#include "bare.h"

static aw_status main_coroutine(void *future) {
	if (aw_await(future, NULL) == AW_EFOREIGNLOOP) trace("another loop");
	return 0;
}

CASE(trap_F10, 0.0, CASE_ANY) {
	aw_loop *other = new_event_loop();
	aw_future *future = NULL;
	must(aw_future_new(other, &future));
	must(aw_run(NULL, main_coroutine, future, NULL, NULL));
	aw_future_unref(future);
	close_event_loop(other);
	return 0;
}
