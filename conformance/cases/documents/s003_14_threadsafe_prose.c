/* SPDX-License-Identifier: MIT */
/* A coroutine handed to a loop in another thread, and its result fetched from here. */
#include "case.h"

#include <pthread.h>

static aw_status co(void *ud) {
	int *n = ud;
	must(aw_sleep(AW_SECOND / 5));
	++*n;
	return aw_return(n, NULL);
}

static void *run_forever(void *loop) {
	must(aw_loop_run_forever(loop));
	return NULL;
}

static aw_status stop(aw_loop *loop, void *ud) {
	(void)ud;
	return aw_loop_stop(loop);
}

CASE(s003_14_threadsafe_prose, 0.2, CASE_ANY) {
	int n = 41;
	aw_loop *loop = NULL;
	aw_concurrent_future *fut = NULL;
	void *result = NULL;
	pthread_t th;
	must(aw_loop_new(NULL, &loop));
	must(-pthread_create(&th, NULL, run_forever, loop));
	must(aw_run_coroutine_threadsafe(loop, co, &n, NULL, &fut));
	must(aw_concurrent_future_wait(fut, 2 * AW_SECOND, &result));
	trace("concurrent %d", *(int *)result);
	must(aw_loop_call_soon_threadsafe(loop, stop, NULL, NULL));
	must(-pthread_join(th, NULL));
	aw_concurrent_future_unref(fut);
	must(aw_loop_close(loop));
	aw_loop_unref(loop);
	return 0;
}
