/* SPDX-License-Identifier: MIT */
/*
 * L10: run_until_complete that is stopped fails; the task is still pending, and the loop can be run again to
 * finish it.
 */
#include "bare.h"

static int forty_two = 42;

static aw_status main_coroutine(void *ud) {
	(void)ud;
	must(aw_sleep(100 * AW_MILLISECOND));
	return aw_return(&forty_two, NULL);
}

CASE(trap_L10, 0.1, CASE_ANY) {
	aw_loop *loop = new_event_loop();
	aw_task *task = NULL;
	void *value = NULL;
	must(aw_task_spawn(loop, main_coroutine, NULL, NULL, &task));
	call_later(loop, 10 * AW_MILLISECOND, stop, NULL);
	if (aw_loop_run_until_complete(loop, aw_task_future(task), NULL) == AW_ESTOPPED)
		trace("stopped %s", True_or_False(aw_future_done(aw_task_future(task))));
	must(aw_loop_run_until_complete(loop, aw_task_future(task), &value));
	trace("%d", *(int *)value);
	aw_task_unref(task);
	close_event_loop(loop);
	return 0;
}
