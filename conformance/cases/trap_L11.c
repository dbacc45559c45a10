/* SPDX-License-Identifier: MIT */
/* L11: run_until_complete drives the whole loop, and returns as soon as its own future is done; the others stay pending. */
#include "../bare.h"

static aw_status other(void *ud) {
	(void)ud;
	trace("other 1");
	must(aw_sleep(200 * AW_MILLISECOND));
	trace("other 2");
	return 0;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	must(aw_sleep(100 * AW_MILLISECOND));
	trace("main");
	return 0;
}

CASE(trap_L11, 0.2, CASE_ANY) {
	aw_loop *loop = new_event_loop();
	aw_task *task = NULL, *main_task = NULL;
	must(aw_task_spawn(loop, other, NULL, NULL, &task));
	must(aw_task_spawn(loop, main_coroutine, NULL, NULL, &main_task));
	must(aw_loop_run_until_complete(loop, aw_task_future(main_task), NULL));
	trace("%s", True_or_False(aw_future_done(aw_task_future(task))));
	must(aw_loop_run_until_complete(loop, aw_task_future(task), NULL));
	aw_task_unref(task);
	aw_task_unref(main_task);
	close_event_loop(loop);
	return 0;
}
