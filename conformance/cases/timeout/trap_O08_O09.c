/* SPDX-License-Identifier: MIT */
/*
 * O08: a block that swallows the cancellation fails with nothing, and the count of requests is as before.
 * O09: a block that answers with another failure gives that one.
 */
#include "case.h"

static aw_status main_coroutine(void *ud) {
	(void)ud;
	const aw_status answers[] = {0, -EINVAL};
	for (size_t i = 0; i < 2; i++) {
		aw_timeout *timeout = NULL;
		must(aw_timeout_new(NULL, 100 * AW_MILLISECOND, &timeout));
		must(aw_timeout_enter(timeout));
		aw_status status = aw_sleep(9 * AW_SECOND);
		if (status == AW_ECANCELLED) status = answers[i];
		status = aw_timeout_exit(timeout, status);
		const char *expired = True_or_False(aw_timeout_expired(timeout));
		aw_status cancelling = aw_task_cancelling(aw_task_current());
		if (status == 0) trace("%s %d", expired, cancelling);
		if (status == -EINVAL) trace("other %s %d", expired, cancelling);
		aw_timeout_unref(timeout);
	}
	return 0;
}

CASE(trap_O08_O09, 0.2, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
