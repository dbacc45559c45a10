/* SPDX-License-Identifier: MIT */
/*
 * T10, T13: AW_ECANCELLED from an await, of whom? The awaited task is cancelled either way; only the open
 * requests of the awaiting one tell.
 */
#include "../../case.h"

static aw_status sleeper(void *ud) {
	(void)ud;
	return aw_sleep(3600 * AW_SECOND);
}

static aw_status waiter(void *ud) {
	aw_task *awaited = ud;
	aw_status before = aw_task_cancelling(aw_task_current());
	if (await_task(awaited, NULL) == AW_ECANCELLED) {
		bool me = aw_task_cancelling(aw_task_current()) > before;
		trace("awaited cancelled: %s me: %s", True_or_False(aw_future_cancelled(aw_task_future(awaited))),
		      True_or_False(me));
		if (me) must(aw_task_uncancel(aw_task_current()));
	}
	return aw_return("goes on", NULL);
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	const char *whom[] = {"waiter", "sleeper"};
	for (int i = 0; i < 2; i++) {
		void *value = NULL;
		aw_task *awaited = create_task(sleeper, NULL);
		aw_task *task = create_task(waiter, awaited);
		must(aw_sleep(100 * AW_MILLISECOND));
		trace("cancel the %s", whom[i]);
		must(aw_task_cancel(i ? awaited : task, NULL));
		must(await_task(task, &value));
		trace("%s %d", (const char *)value, aw_task_cancelling(task));
		aw_task_unref(task);
		aw_task_unref(awaited);
	}
	return 0;
}

CASE(trap_T10_T13, 0.2, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
