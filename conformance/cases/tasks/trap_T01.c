/* SPDX-License-Identifier: MIT */
/* T01: a task's first step is queued, first in, first out; its creator continues until it suspends. */
#include "case.h"

static aw_status c(void *name) {
	trace("%s", (const char *)name);
	return 0;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	aw_task *tasks[] = {create_task(c, "a"), create_task(c, "b"), create_task(c, "c")};
	trace("main");
	must(aw_sleep(0));
	int done = 0;
	for (int i = 0; i < 3; i++) done += aw_future_done(aw_task_future(tasks[i]));
	trace("main again %d", done);
	drop_tasks(tasks, 3);
	return 0;
}

CASE(trap_T01, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
