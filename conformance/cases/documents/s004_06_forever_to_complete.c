/* SPDX-License-Identifier: MIT */
/* Two coroutines gathered; the gather's callback stops the loop. */
#include "case.h"

static aw_status is_coroutine(void *ud) {
	int x = *(const int *)ud;
	trace("sleep %d second", x);
	must(aw_sleep(x * AW_SECOND));
	trace("done by sleep %d second", x);
	return 0;
}

static aw_status on_done(aw_future *future, void *ud) {
	(void)ud;
	trace("callback %s", True_or_False(aw_future_done(future)));
	return aw_loop_stop(aw_future_loop(future));
}

static aw_status start(void *ud) {
	static int one = 1, three = 3;
	aw_task *tasks[] = {create_task(is_coroutine, &one), create_task(is_coroutine, &three)};
	aw_future *futus = gather(tasks, 2, AW_GATHER_DEFAULT);
	must(aw_future_add_done_callback(futus, on_done, NULL, NULL));
	*(aw_future **)ud = futus;
	drop_tasks(tasks, 2);
	return 0;
}

CASE(s004_06_forever_to_complete, 3.0, CASE_ANY) {
	aw_loop *loop = NULL;
	aw_future *keep = NULL;
	must(aw_loop_new(NULL, &loop));
	int64_t began = aw_loop_time(loop);
	must(aw_task_spawn(loop, start, &keep, NULL, NULL));
	must(aw_loop_run_forever(loop));
	trace("t=%d", (int)((aw_loop_time(loop) - began + AW_SECOND / 2) / AW_SECOND));
	must(aw_loop_close(loop));
	aw_future_unref(keep);
	aw_loop_unref(loop);
	return 0;
}
