/* SPDX-License-Identifier: MIT */
/* A task that would sleep an hour is cancelled after five seconds. */
#include "case.h"

static aw_status cancel_me(void *ud) {
	(void)ud;
	trace("cancel_me(): sleep");
	aw_status status = aw_sleep(3600 * AW_SECOND);
	if (status == AW_ECANCELLED) trace("cancel_me(): cancel sleep");
	trace("cancel_me(): after sleep");
	return status;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	trace("main(): running");
	aw_task *task = create_task(cancel_me, NULL);

	trace("main(): sleep");
	must(aw_sleep(5 * AW_SECOND));

	trace("main(): call cancel");
	must(aw_task_cancel(task, NULL));
	aw_status status = await_task(task, NULL);
	if (status == AW_ECANCELLED) trace("main(): cancel_me is cancelled now");
	aw_task_unref(task);
	return 0;
}

CASE(s003_04_cancel_me, 5.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
