/* SPDX-License-Identifier: MIT */
/* A task given to run_until_complete. */
#include "case.h"

static aw_status is_coroutine(void *ud) {
	int x = *(const int *)ud;
	trace("sleep %d second", x);
	must(aw_sleep(x * AW_SECOND));
	trace("done");
	return 0;
}

CASE(s004_02_ensure_future, 1.0, CASE_ANY) {
	int x = 1;
	aw_loop *loop = NULL;
	aw_task *task = NULL;
	must(aw_loop_new(NULL, &loop));
	must(aw_task_spawn(loop, is_coroutine, &x, NULL, &task));
	must(aw_loop_run_until_complete(loop, aw_task_future(task), NULL));
	must(aw_loop_close(loop));
	aw_task_unref(task);
	aw_loop_unref(loop);
	return 0;
}
