/* SPDX-License-Identifier: MIT */
/* O10: a timeout can't be entered twice; wait_for inside a timeout, and a timeout inside wait_for. */
#include "case.h"

static aw_status sleep_long(void *ud) {
	(void)ud;
	return aw_sleep(9 * AW_SECOND);
}

static aw_status limited(void *ud) {
	aw_timeout *timeout = NULL;
	must(aw_timeout_new(NULL, 100 * AW_MILLISECOND, &timeout));
	must(aw_timeout_enter(timeout));
	aw_status status = aw_timeout_exit(timeout, sleep_long(ud));
	aw_timeout_unref(timeout);
	return status == AW_ETIMEOUT ? aw_return("inner timeout", NULL) : status;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	aw_timeout *timeout = NULL;
	must(aw_timeout_new(NULL, AW_SECOND, &timeout));
	must(aw_timeout_enter(timeout));
	must(aw_timeout_exit(timeout, 0));
	if (aw_timeout_enter(timeout) == AW_EINVALIDSTATE) trace("refused");
	aw_timeout_unref(timeout);

	aw_task *tasks[] = {create_task(sleep_long, NULL), create_task(limited, NULL)};
	must(aw_timeout_new(NULL, 5 * AW_SECOND, &timeout));
	must(aw_timeout_enter(timeout));
	if (aw_wait_for(aw_task_future(tasks[0]), 100 * AW_MILLISECOND, NULL) == AW_ETIMEOUT)
		trace("inner wait_for %s", True_or_False(aw_timeout_expired(timeout)));
	must(aw_timeout_exit(timeout, 0));
	aw_timeout_unref(timeout);

	void *value = NULL;
	must(aw_wait_for(aw_task_future(tasks[1]), 5 * AW_SECOND, &value));
	trace("%s", (char *)value);
	drop_tasks(tasks, 2);
	return 0;
}

CASE(trap_O10, 0.1, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
