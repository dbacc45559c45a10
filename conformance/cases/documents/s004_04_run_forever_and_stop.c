/* SPDX-License-Identifier: MIT */
/* stop as the last act of a coroutine: run_forever ends with that iteration, and the task is done by then. */
#include "case.h"

static aw_status is_coroutine(void *ud) {
	int x = *(const int *)ud;
	trace("sleep %d second", x);
	must(aw_sleep(x * AW_SECOND));
	trace("done by sleep %d second", x);
	return aw_loop_stop(aw_loop_current());
}

CASE(s004_04_run_forever_and_stop, 3.0, CASE_ANY) {
	int x = 3;
	aw_loop *loop = NULL;
	aw_task *t = NULL;
	must(aw_loop_new(NULL, &loop));
	int64_t start = aw_loop_time(loop);
	must(aw_task_spawn(loop, is_coroutine, &x, NULL, &t));
	must(aw_loop_run_forever(loop));
	int seconds = (int)((aw_loop_time(loop) - start + AW_SECOND / 2) / AW_SECOND);
	trace("t=%d %s", seconds, True_or_False(aw_future_done(aw_task_future(t))));
	must(aw_loop_close(loop));
	aw_task_unref(t);
	aw_loop_unref(loop);
	return 0;
}
