/* SPDX-License-Identifier: MIT */
/* F01: a future that is done takes no other result or exception, and a cancel of it changes nothing. */
#include "bare.h"

CASE(trap_F01, 0.0, CASE_ANY) {
	int one = 1, two = 2;
	aw_loop *loop = new_event_loop();
	aw_future *future = NULL;
	void *result = NULL;
	must(aw_future_new(loop, &future));
	must(aw_future_set_result(future, &one, NULL));
	if (aw_future_set_result(future, &two, NULL) == AW_EINVALIDSTATE) trace("InvalidStateError");
	if (aw_future_fail(future, -EINVAL, NULL) == AW_EINVALIDSTATE) trace("InvalidStateError");
	aw_status cancel = must(aw_future_cancel(future, NULL));
	must(aw_future_result(future, &result));
	trace("%s %d %s", True_or_False(cancel), *(int *)result, True_or_False(aw_future_cancelled(future)));
	aw_future_unref(future);
	close_event_loop(loop);
	return 0;
}
