/* SPDX-License-Identifier: MIT */
/*
 * T03: cancel() before the first step: the body never runs, but its state is released; cancelled() becomes
 * True one iteration later.
 */
#include "case.h"

static bool ended;

static aw_status c(void *ud) {
	(void)ud;
	trace("ran");
	return 0;
}

static void end(void *ud) {
	(void)ud;
	ended = true;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	aw_task *task = NULL;
	must(aw_task_spawn(NULL, c, NULL, end, &task));
	aw_future *future = aw_task_future(task);
	aw_status accepted = must(aw_task_cancel(task, NULL));
	trace("%s %s %s", True_or_False(accepted), True_or_False(aw_future_done(future)),
	      True_or_False(aw_future_cancelled(future)));
	must(aw_sleep(0));
	trace("%s %s", True_or_False(aw_future_done(future)), True_or_False(aw_future_cancelled(future)));
	aw_task_unref(task);
	return ended ? 0 : AW_EINVALIDSTATE;
}

CASE(trap_T03, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
