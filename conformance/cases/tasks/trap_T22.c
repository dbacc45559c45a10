/* SPDX-License-Identifier: MIT */
/*
 * T22: a done-callback of a task runs one iteration after the task has ended, before or after those who await
 * it, in order of registration.
 */
#include "bare.h"

static aw_status c(void *ud) {
	(void)ud;
	must(aw_sleep(0));
	call_soon(aw_loop_current(), say, "an iteration later");
	trace("ends");
	return 0;
}

static aw_status awaiter(void *task) {
	must(await_task(task, NULL));
	trace("awaiter");
	return 0;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	aw_task *task = create_task(c, NULL);
	add_done_callback(aw_task_future(task), "callback 1");
	aw_task *waiting = create_task(awaiter, task);
	must(aw_sleep(0));
	add_done_callback(aw_task_future(task), "callback 2");
	must(await_task(waiting, NULL));
	aw_task_unref(waiting);
	aw_task_unref(task);
	return 0;
}

CASE(trap_T22, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
