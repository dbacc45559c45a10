/* SPDX-License-Identifier: MIT */
/*
 * W08: the future is done and the limit passes in one iteration, the future first: it is out of time all the
 * same.
 */
#include "case.h"

static aw_status set_result(aw_loop *loop, void *future) {
	(void)loop;
	return aw_future_set_result(future, "result", NULL);
}

static aw_status block(aw_loop *loop, void *ud) {
	(void)loop;
	(void)ud;
	usleep(400000);
	return 0;
}

static aw_status limited(void *future) {
	return aw_wait_for(future, 300 * AW_MILLISECOND, NULL);
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	aw_loop *loop = aw_loop_current();
	aw_future *future = create_future();
	void *value = NULL;
	must(aw_loop_call_later(loop, 250 * AW_MILLISECOND, set_result, future, NULL, NULL));
	aw_task *task = create_task(limited, future);
	must(aw_sleep(50 * AW_MILLISECOND));
	must(aw_loop_call_soon(loop, block, NULL, NULL, NULL));
	aw_status status = await_task(task, NULL);
	must(aw_future_result(future, &value));
	if (status == AW_ETIMEOUT) trace("TimeoutError %s", (char *)value);
	aw_task_unref(task);
	aw_future_unref(future);
	return 0;
}

CASE(trap_W08, 0.45, CASE_REAL_TIME) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
