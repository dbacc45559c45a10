/* SPDX-License-Identifier: MIT */
/*
 * G06: cancelling a gather cancels its children and leaves it pending. It ends when the first child has ended
 * cancelled, or with AW_GATHER_RETURN_ERRORS when all have. It ends by a cancellation that is its error, so
 * that it says itself it was not cancelled.
 */
#include "job.h"

static aw_status slow(void *ud) {
	(void)ud;
	aw_status status = aw_sleep(9 * AW_SECOND);
	if (status != AW_ECANCELLED) return status;
	trace("slow X");
	must(aw_sleep(2 * TICK));
	trace("slow cleaned");
	return status;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	job a = {"a", 9, 0};
	for (uint32_t flags = AW_GATHER_DEFAULT; flags <= AW_GATHER_RETURN_ERRORS; flags++) {
		trace("return_exceptions %s", True_or_False(flags != 0));
		aw_task *tasks[] = {start_job(&a), create_task(slow, NULL)};
		aw_future *gathered = gather(tasks, 2, flags);
		must(aw_sleep(TICK));
		aw_status cancel = must(aw_future_cancel(gathered, NULL));
		trace("%s %s %s", True_or_False(cancel), True_or_False(aw_future_done(gathered)),
		      True_or_False(aw_future_cancelled(gathered)));
		if (aw_await(gathered, NULL) == AW_ECANCELLED)
			trace("CancelledError %s", True_or_False(aw_future_cancelled(gathered)));
		must(aw_sleep(3 * TICK));
		aw_future_unref(gathered);
		drop_tasks(tasks, 2);
	}
	return 0;
}

CASE(trap_G06, 2.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
