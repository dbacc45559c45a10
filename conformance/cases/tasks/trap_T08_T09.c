/* SPDX-License-Identifier: MIT */
/*
 * T08: a task that cancels itself continues until its next suspension, where the cancellation is raised; if
 * it returns without suspending, it still ends cancelled and its value is lost. T09: awaiting a future that
 * is done does not suspend, and so raises nothing.
 */
#include "case.h"

static int one = 1;

static aw_status suspends(void *ud) {
	(void)ud;
	must(aw_task_cancel(aw_task_current(), NULL));
	trace("runs on");
	aw_status status = aw_sleep(0);
	if (status == AW_ECANCELLED) trace("raised at sleep");
	return status;
}

static aw_status returns(void *ud) {
	(void)ud;
	must(aw_task_cancel(aw_task_current(), NULL));
	return aw_return(&one, NULL);
}

static aw_status awaits_done(void *ud) {
	(void)ud;
	aw_future *f = create_future();
	void *value = NULL;
	must(aw_future_set_result(f, &one, NULL));
	must(aw_task_cancel(aw_task_current(), NULL));
	must(aw_await(f, &value));
	trace("passed the future that is done %d", *(int *)value);
	aw_future_unref(f);
	if (aw_sleep(AW_SECOND) == AW_ECANCELLED) trace("raised at the long sleep");
	return 0;
}

static void show(aw_task_fn c, const char *name) {
	aw_task *task = create_task(c, NULL);
	wait_tasks(&task, 1);
	trace("%s cancelled %s", name, True_or_False(aw_future_cancelled(aw_task_future(task))));
	aw_task_unref(task);
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	show(suspends, "suspends");
	show(returns, "returns");
	show(awaits_done, "awaits_done");
	return 0;
}

CASE(trap_T08_T09, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
