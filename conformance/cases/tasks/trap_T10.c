/* SPDX-License-Identifier: MIT */
/*
 * T10: cancel() walks down the chain of awaits: if a task awaits another task, the inner one is cancelled,
 * and the outer one gets the cancellation when the inner one has ended.
 */
#include "case.h"

static aw_status inner(void *ud) {
	(void)ud;
	aw_status status = aw_sleep(9 * AW_SECOND);
	if (status != AW_ECANCELLED) return status;
	trace("inner");
	must(aw_sleep(2 * TICK));
	trace("inner has cleaned up");
	return status;
}

static aw_status outer(void *task) {
	aw_status status = await_task(task, NULL);
	if (status == AW_ECANCELLED) trace("outer");
	return status;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	aw_task *i = create_task(inner, NULL), *o = create_task(outer, i);
	must(aw_sleep(TICK));
	must(aw_task_cancel(o, NULL));
	trace("asked %d %d %s", aw_task_cancelling(i), aw_task_cancelling(o),
	      True_or_False(aw_future_done(aw_task_future(o))));
	wait_tasks(&o, 1);
	trace("%s %s %d %d", True_or_False(aw_future_cancelled(aw_task_future(i))),
	      True_or_False(aw_future_cancelled(aw_task_future(o))), aw_task_cancelling(i),
	      aw_task_cancelling(o));
	aw_task_unref(i);
	aw_task_unref(o);
	return 0;
}

CASE(trap_T10, 0.6, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
