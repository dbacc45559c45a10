/* SPDX-License-Identifier: MIT */
/*
 * W05: no limit waits for ever; with one, a coroutine still runs in the task of the caller: wait_for of a
 * coroutine is in C a timeout scope around its call.
 */
#include "case.h"

static const char *name(void) {
	must(aw_sleep(0));
	return aw_task_name(aw_task_current());
}

static const char *name_in_time(int64_t limit) {
	aw_timeout *timeout = NULL;
	must(aw_timeout_new(NULL, limit, &timeout));
	must(aw_timeout_enter(timeout));
	const char *text = name();
	must(aw_timeout_exit(timeout, 0));
	aw_timeout_unref(timeout);
	return text;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	must(aw_task_set_name(aw_task_current(), "main"));
	const char *without = name_in_time(AW_FOREVER), *with = name_in_time(AW_SECOND);
	trace("%s %s", without, with);
	return 0;
}

CASE(trap_W05, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
