/* SPDX-License-Identifier: MIT */
/*
 * L11: run_until_complete drives the whole loop, and returns as soon as its own future is done; the others
 * stay pending.
 */
#include "bare.h"

static aw_status other(void *gate) {
	trace("other 1");
	must(aw_await(gate, NULL));
	trace("other 2");
	return 0;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	must(aw_sleep(TICK));
	trace("main");
	return 0;
}

CASE(trap_L11, 0.2, CASE_ANY) {
	aw_loop *loop = new_event_loop();
	aw_future *gate = NULL;
	aw_task *task = NULL, *main_task = NULL;
	must(aw_future_new(loop, &gate));
	must(aw_task_spawn(loop, other, gate, NULL, &task));
	must(aw_task_spawn(loop, main_coroutine, NULL, NULL, &main_task));
	must(aw_loop_run_until_complete(loop, aw_task_future(main_task), NULL));
	trace("%s", True_or_False(aw_future_done(aw_task_future(task))));
	must(aw_future_set_result(gate, NULL, NULL));
	must(aw_loop_run_until_complete(loop, aw_task_future(task), NULL));
	aw_task_unref(task);
	aw_task_unref(main_task);
	aw_future_unref(gate);
	close_event_loop(loop);
	return 0;
}
