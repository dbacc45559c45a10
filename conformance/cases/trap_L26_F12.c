/* SPDX-License-Identifier: MIT */
/*
 * L26, F12: work given to an executor begins at once, and its value comes back to the loop; cancelling its future does not stop what
 * runs, and drops what is queued.
 */
#include "../bare.h"

static aw_status slow(void *ud, void **out, aw_destroy_fn *out_destroy) {
	(void)ud;
	(void)out;
	(void)out_destroy;
	trace("begins");
	usleep(200000);
	trace("ends");
	return 0;
}

static aw_status print(void *ud, void **out, aw_destroy_fn *out_destroy) {
	(void)out;
	(void)out_destroy;
	trace("%s", (const char *)ud);
	return 0;
}

static aw_status str(void *ud, void **out, aw_destroy_fn *out_destroy) {
	(void)out_destroy;
	*out = ud;
	return 0;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	aw_loop *loop = aw_loop_current();
	aw_executor *executor = NULL;
	aw_future *first = NULL, *running = NULL, *queued = NULL;
	void *value = NULL;
	must(aw_executor_new(1, &executor));
	must(aw_loop_run_in_executor(loop, executor, str, "value", NULL, &first));
	must(aw_await(first, &value));
	trace("%s", (char *)value);
	must(aw_loop_run_in_executor(loop, executor, slow, NULL, NULL, &running));
	must(aw_loop_run_in_executor(loop, executor, print, "queued", NULL, &queued));
	must(aw_sleep(100 * AW_MILLISECOND));
	aw_status stopped = must(aw_future_cancel(running, NULL)), dropped = must(aw_future_cancel(queued, NULL));
	trace("%s %s", True_or_False(stopped), True_or_False(dropped));
	if (aw_await(running, NULL) == AW_ECANCELLED) trace("cancelled");
	if (aw_await(queued, NULL) == AW_ECANCELLED) trace("cancelled");
	must(aw_sleep(200 * AW_MILLISECOND));
	must(aw_executor_shutdown_wait(executor, AW_FOREVER));
	trace("shut down");
	aw_future_unref(first);
	aw_future_unref(running);
	aw_future_unref(queued);
	aw_executor_unref(executor);
	return 0;
}

CASE(trap_L26_F12, 0.3, CASE_REAL_TIME) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
