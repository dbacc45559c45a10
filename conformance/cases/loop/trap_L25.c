/* SPDX-License-Identifier: MIT */
/*
 * L25: the running loop is that of the thread; it is there in plain callbacks too, where no task is current.
 */
#include "bare.h"

#include <pthread.h>

static aw_status callback(aw_loop *loop, void *future) {
	trace("callback %s %s", True_or_False(aw_loop_current() == loop), aw_task_current() ? "a task" : "None");
	return aw_future_set_result(future, NULL, NULL);
}

static void *in_thread(void *ud) {
	trace("thread %s", aw_loop_current() ? "a loop" : "None");
	return ud;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	pthread_t thread;
	aw_future *future = create_future();
	call_soon(aw_loop_current(), callback, future);
	must(aw_await(future, NULL));
	must(-pthread_create(&thread, NULL, in_thread, NULL));
	must(-pthread_join(thread, NULL));
	aw_future_unref(future);
	return 0;
}

CASE(trap_L25, 0.0, CASE_ANY) {
	must(aw_run(NULL, main_coroutine, NULL, NULL, NULL));
	trace("outside %s", aw_loop_current() ? "a loop" : "None");
	return 0;
}
