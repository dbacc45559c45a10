/* SPDX-License-Identifier: MIT */
/*
 * T04: cancel() of a task that waits cancels the awaited future at once, but is raised in the task only in
 * the next iteration; done() stays False until then.
 */
#include "case.h"

static aw_status waiter(void *f) {
	aw_status status = aw_await(f, NULL);
	if (status == AW_ECANCELLED) trace("thrown");
	return status;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	aw_future *f = create_future();
	aw_task *task = create_task(waiter, f);
	aw_future *future = aw_task_future(task);
	must(aw_sleep(0));
	must(aw_task_cancel(task, NULL));
	trace("at once %s %s", True_or_False(aw_future_cancelled(f)), True_or_False(aw_future_done(future)));
	must(aw_sleep(0));
	trace("an iteration later %s %s", True_or_False(aw_future_done(future)),
	      True_or_False(aw_future_cancelled(future)));
	aw_task_unref(task);
	aw_future_unref(f);
	return 0;
}

CASE(trap_T04, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
