/* SPDX-License-Identifier: MIT */
/*
 * R03: a task made while run cancels those that are left is neither cancelled nor awaited. It unwinds when
 * the loop closes.
 */
#include "case.h"

static aw_task *second_task;

static aw_status second(void *ud) {
	(void)ud;
	trace("second starts");
	aw_status status = aw_sleep(9 * AW_SECOND);
	if (status < 0) return status;
	trace("second ends");
	return 0;
}

static aw_status first(void *ud) {
	(void)ud;
	aw_status status = aw_sleep(9 * AW_SECOND);
	if (status != AW_ECANCELLED) return status;
	second_task = create_task(second, NULL);
	must(aw_sleep(100 * AW_MILLISECOND));
	trace("first ends");
	return status;
}

static aw_status main_coroutine(void *ud) {
	*(aw_task **)ud = create_task(first, NULL);
	must(aw_sleep(0));
	return 0;
}

CASE(trap_R03, 0.1, CASE_ANY) {
	aw_task *task = NULL;
	must(aw_run(NULL, main_coroutine, &task, NULL, NULL));
	trace("%s %s", True_or_False(aw_future_cancelled(aw_task_future(task))),
	      True_or_False(aw_future_cancelled(aw_task_future(second_task))));
	aw_task_unref(second_task);
	aw_task_unref(task);
	return 0;
}
