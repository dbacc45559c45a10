/* SPDX-License-Identifier: MIT */
/*
 * T11: if the inner task swallows that cancellation and returns, the await of the outer one gives the value:
 * the outer task is not cancelled, though cancel() returned True.
 */
#include "case.h"

static char text[] = "kept";

static aw_status inner(void *ud) {
	(void)ud;
	return aw_sleep(9 * AW_SECOND) == AW_ECANCELLED ? aw_return(text, NULL) : 0;
}

static aw_status outer(void *task) {
	void *value = NULL;
	aw_status status = await_task(task, &value);
	return status < 0 ? status : aw_return(value, NULL);
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	aw_task *i = create_task(inner, NULL), *o = create_task(outer, i);
	must(aw_sleep(0));
	must(aw_sleep(0));
	trace("%s", True_or_False(must(aw_task_cancel(o, NULL))));
	void *value = NULL;
	must(await_task(o, &value));
	trace("%s %s %d", (const char *)value, True_or_False(aw_future_cancelled(aw_task_future(o))),
	      aw_task_cancelling(o));
	aw_task_unref(i);
	aw_task_unref(o);
	return 0;
}

CASE(trap_T11, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
