/* SPDX-License-Identifier: MIT */
/* K07: leaving an empty group, or one whose tasks are done, does not suspend. */
#include "group.h"

static aw_status nothing(void *ud) {
	(void)ud;
	trace("child");
	return 0;
}

static aw_status say(aw_loop *loop, void *text) {
	(void)loop;
	trace("%s", (const char *)text);
	return 0;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	static char tick1[] = "tick 1", tick2[] = "tick 2";
	aw_loop *loop = aw_loop_current();
	must(aw_loop_call_soon(loop, say, tick1, NULL, NULL));
	aw_taskgroup *group = begin_group();
	must(end_group(group, 0));
	trace("left the empty one");
	must(aw_sleep(0));
	group = begin_group();
	aw_task *task = NULL;
	must(aw_taskgroup_spawn(group, nothing, NULL, NULL, &task));
	must(await_task(task, NULL));
	aw_task_unref(task);
	must(aw_loop_call_soon(loop, say, tick2, NULL, NULL));
	must(end_group(group, 0));
	trace("left the one whose task is done");
	must(aw_sleep(0));
	return 0;
}

CASE(trap_K07, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
