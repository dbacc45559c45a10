/* SPDX-License-Identifier: MIT */
/*
 * O01: inside a timeout it is a cancellation, outside AW_ETIMEOUT; the task's count of requests is as before.
 */
#include "case.h"

static aw_status main_coroutine(void *ud) {
	(void)ud;
	aw_timeout *timeout = NULL;
	must(aw_timeout_new(NULL, 100 * AW_MILLISECOND, &timeout));
	must(aw_timeout_enter(timeout));
	aw_status status = aw_sleep(9 * AW_SECOND);
	if (status == AW_ECANCELLED) trace("inside: CancelledError %d", aw_task_cancelling(aw_task_current()));
	status = aw_timeout_exit(timeout, status);
	if (status == AW_ETIMEOUT)
		trace("outside: TimeoutError %s %d", True_or_False(aw_timeout_expired(timeout)),
		      aw_task_cancelling(aw_task_current()));
	aw_timeout_unref(timeout);
	return 0;
}

CASE(trap_O01, 0.1, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
