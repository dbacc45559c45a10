/* SPDX-License-Identifier: MIT */
/*
 * T25: an eager task takes its first step before the call that makes it returns; a coroutine that never
 * suspends gives a task that is done, and whose callbacks still go through the ready queue. The current task
 * is the eager one during that step, and then what it was.
 */
#include "bare.h"

static int one = 1;

static aw_status gives(void *creator) {
	trace("body, in a task of its own %s", True_or_False(aw_task_current() != creator));
	return aw_return(&one, NULL);
}

static aw_status suspends(void *ud) {
	(void)ud;
	trace("first step");
	must(aw_sleep(0));
	trace("second step");
	return 0;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	aw_task *me = aw_task_current(), *task = NULL, *other = NULL;
	must(aw_task_spawn_eager(NULL, gives, me, NULL, &task));
	trace("created %s %s %d", True_or_False(aw_future_done(aw_task_future(task))),
	      True_or_False(aw_task_current() == me), must(aw_loop_all_tasks(NULL, NULL, 0)));
	add_done_callback(aw_task_future(task), "callback");
	trace("not inline");
	must(aw_task_spawn_eager(NULL, suspends, NULL, NULL, &other));
	trace("main %s", True_or_False(aw_future_done(aw_task_future(other))));
	must(await_task(other, NULL));
	void *value = NULL;
	must(aw_future_result(aw_task_future(task), &value));
	trace("main again %d", *(int *)value);
	aw_task_unref(other);
	aw_task_unref(task);
	return 0;
}

CASE(trap_T25, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
