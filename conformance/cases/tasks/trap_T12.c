/* SPDX-License-Identifier: MIT */
/*
 * T12: cancel() of a task that is done returns False; cancel(message) travels: the error of who awaits
 * carries the message.
 */
#include "case.h"

static aw_status c(void *ud) {
	(void)ud;
	return aw_sleep(9 * AW_SECOND);
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	aw_task *task = create_task(c, NULL);
	must(aw_sleep(0));
	trace("%s", True_or_False(must(aw_task_cancel(task, "why"))));
	if (await_task(task, NULL) == AW_ECANCELLED) trace("%s", aw_error_message(aw_caught()));
	aw_status accepted = must(aw_task_cancel(task, NULL));
	trace("%s %d", True_or_False(accepted), aw_task_cancelling(task));
	aw_task_unref(task);
	return 0;
}

CASE(trap_T12, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
