/* SPDX-License-Identifier: MIT */
/*
 * O04: both deadlines pass in one iteration: each made a request, so that the inner one sees a stranger's and
 * lets the cancellation through; the outer one turns it into AW_ETIMEOUT.
 */
#include "case.h"

static aw_timeout *timeout_enter(int64_t delay) {
	aw_timeout *timeout = NULL;
	must(aw_timeout_new(NULL, delay, &timeout));
	must(aw_timeout_enter(timeout));
	return timeout;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	aw_timeout *outer = timeout_enter(100 * AW_MILLISECOND), *inner = timeout_enter(120 * AW_MILLISECOND);
	usleep(300000);
	aw_status status = aw_timeout_exit(inner, aw_sleep(9 * AW_SECOND));
	if (status == AW_ECANCELLED) trace("inner: CancelledError");
	if (aw_timeout_exit(outer, status) == AW_ETIMEOUT)
		trace("outer: TimeoutError %s %s %d", True_or_False(aw_timeout_expired(outer)),
		      True_or_False(aw_timeout_expired(inner)), aw_task_cancelling(aw_task_current()));
	aw_timeout_unref(inner);
	aw_timeout_unref(outer);
	return 0;
}

CASE(trap_O04, 0.3, CASE_REAL_TIME) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
