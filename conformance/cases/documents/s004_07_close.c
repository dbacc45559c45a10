/* SPDX-License-Identifier: MIT */
/* A loop can be run again until it is closed. */
#include "case.h"

static aw_status is_coroutine(void *ud) {
	int x = *(const int *)ud;
	trace("sleep %d second", x);
	must(aw_sleep(x * AW_SECOND));
	trace("done");
	return 0;
}

/* loop.run_until_complete(is_coroutine(1)) */
static aw_status run_until_complete(aw_loop *loop) {
	static const int one = 1;
	aw_task *task = NULL;
	aw_status status = aw_task_spawn(loop, is_coroutine, (void *)(uintptr_t)&one, NULL, &task);
	if (status >= 0) status = aw_loop_run_until_complete(loop, aw_task_future(task), NULL);
	aw_task_unref(task);
	return status;
}

CASE(s004_07_close, 2.0, CASE_ANY) {
	aw_loop *loop = NULL;
	must(aw_loop_new(NULL, &loop));
	must(run_until_complete(loop));
	must(run_until_complete(loop));
	must(aw_loop_close(loop));
	if (run_until_complete(loop) == AW_ELOOPCLOSED) trace("RuntimeError: Event loop is closed");
	aw_loop_unref(loop);
	return 0;
}
