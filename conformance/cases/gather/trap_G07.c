/* SPDX-License-Identifier: MIT */
/*
 * G07: a cancelled gather gives the cancellation even with AW_GATHER_RETURN_ERRORS, and even when every child
 * swallowed it.
 */
#include "case.h"

static aw_status stubborn(void *ud) {
	(void)ud;
	if (aw_sleep(9 * AW_SECOND) == AW_ECANCELLED) trace("swallowed");
	return 0;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	for (uint32_t flags = AW_GATHER_DEFAULT; flags <= AW_GATHER_RETURN_ERRORS; flags++) {
		aw_task *tasks[] = {create_task(stubborn, NULL), create_task(stubborn, NULL)};
		aw_future *gathered = gather(tasks, 2, flags);
		must(aw_sleep(0));
		must(aw_future_cancel(gathered, NULL));
		if (aw_await(gathered, NULL) == AW_ECANCELLED)
			trace("CancelledError %s", True_or_False(aw_future_cancelled(gathered)));
		aw_future_unref(gathered);
		drop_tasks(tasks, 2);
	}
	return 0;
}

CASE(trap_G07, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
