/* SPDX-License-Identifier: MIT */
/* The shorter of two stops the loop; the longer one is not waited for. */
#include "case.h"

static aw_status is_coroutine(void *ud) {
	int x = *(const int *)ud;
	trace("sleep %d second", x);
	aw_status status = aw_sleep(x * AW_SECOND);
	if (status < 0) return status;
	trace("done by sleep %d second", x);
	return aw_loop_stop(aw_loop_current());
}

CASE(s004_05_run_forever_and_stop_two, 1.0, CASE_ANY) {
	int three = 3, one = 1;
	aw_loop *loop = NULL;
	aw_task *t = NULL, *u = NULL;
	must(aw_loop_new(NULL, &loop));
	int64_t start = aw_loop_time(loop);
	must(aw_task_spawn(loop, is_coroutine, &three, NULL, &t));
	must(aw_task_spawn(loop, is_coroutine, &one, NULL, &u));
	must(aw_loop_run_forever(loop));
	int seconds = (int)((aw_loop_time(loop) - start + AW_SECOND / 2) / AW_SECOND);
	trace("t=%d %s %s", seconds, True_or_False(aw_future_done(aw_task_future(t))),
	      True_or_False(aw_future_done(aw_task_future(u))));
	must(aw_task_cancel(t, NULL));
	aw_future *left[] = {aw_task_future(t)}, *all = NULL;
	must(aw_gather(loop, left, 1, AW_GATHER_RETURN_ERRORS, &all));
	must(aw_loop_run_until_complete(loop, all, NULL));
	must(aw_loop_close(loop));
	aw_future_unref(all);
	aw_task_unref(t);
	aw_task_unref(u);
	aw_loop_unref(loop);
	return 0;
}
