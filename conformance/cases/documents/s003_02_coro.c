/* SPDX-License-Identifier: MIT */
/* An explicit loop and run do the same. */
#include "case.h"

static aw_status coro(void *ud) {
	(void)ud;
	trace("hello");
	must(aw_sleep(AW_SECOND));
	trace("world");
	return 0;
}

CASE(s003_02_coro, 2.0, CASE_ANY) {
	aw_loop *loop = NULL;
	aw_task *task = NULL;
	must(aw_loop_new(NULL, &loop));
	must(aw_task_spawn(loop, coro, NULL, NULL, &task));
	must(aw_loop_run_until_complete(loop, aw_task_future(task), NULL));
	must(aw_loop_close(loop));
	aw_task_unref(task);
	aw_loop_unref(loop);
	return aw_run(NULL, coro, NULL, NULL, NULL);
}
