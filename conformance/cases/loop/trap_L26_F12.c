/* SPDX-License-Identifier: MIT */
/*
 * L26: work given to an executor begins at once, before the loop has had a turn; cancelling its future does
 * not stop what runs, and drops what is queued. F12: what a thread completes reaches its future through the
 * loop, in the loop's thread.
 */
#include "bare.h"

#include <pthread.h>
#include <semaphore.h>

static pthread_t main_thread;
static sem_t begun, go;

static aw_status slow(void *ud, void **out, aw_destroy_fn *out_destroy) {
	(void)ud;
	(void)out;
	(void)out_destroy;
	trace("begins");
	sem_post(&begun);
	while (sem_wait(&go) < 0) {
	}
	trace("ends");
	return 0;
}

static aw_status print(void *ud, void **out, aw_destroy_fn *out_destroy) {
	(void)out;
	(void)out_destroy;
	trace("%s", (const char *)ud);
	return 0;
}

static bool in_main_thread(void) {
	return pthread_equal(pthread_self(), main_thread);
}

static aw_status ask(void *answer, void **out, aw_destroy_fn *out_destroy) {
	(void)out_destroy;
	*(bool *)answer = in_main_thread();
	*out = answer;
	return 0;
}

static aw_status callback(aw_future *future, void *ud) {
	(void)future;
	(void)ud;
	trace("callback in main thread %s", True_or_False(in_main_thread()));
	return 0;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	bool answer = true;
	aw_executor *executor = NULL;
	aw_future *first = NULL, *running = NULL, *queued = NULL;
	void *value = NULL;
	must(aw_executor_new(1, &executor));
	must(aw_loop_run_in_executor(NULL, executor, ask, &answer, NULL, &first));
	must(aw_future_add_done_callback(first, callback, NULL, NULL));
	must(aw_await(first, &value));
	trace("work in main thread %s", True_or_False(*(bool *)value));
	must(aw_loop_run_in_executor(NULL, executor, slow, NULL, NULL, &running));
	must(aw_loop_run_in_executor(NULL, executor, print, "queued", NULL, &queued));
	while (sem_wait(&begun) < 0) {
	}
	trace("main");
	aw_status stopped = must(aw_future_cancel(running, NULL)), dropped = must(aw_future_cancel(queued, NULL));
	trace("%s %s", True_or_False(stopped), True_or_False(dropped));
	if (aw_await(running, NULL) == AW_ECANCELLED) trace("cancelled");
	if (aw_await(queued, NULL) == AW_ECANCELLED) trace("cancelled");
	must(aw_sleep(0));
	sem_post(&go);
	must(aw_executor_shutdown_wait(executor, AW_FOREVER));
	trace("shut down");
	aw_future_unref(first);
	aw_future_unref(running);
	aw_future_unref(queued);
	aw_executor_unref(executor);
	return 0;
}

CASE(trap_L26_F12, 0.0, CASE_ANY) {
	main_thread = pthread_self();
	must(sem_init(&begun, 0, 0));
	must(sem_init(&go, 0, 0));
	aw_status status = aw_run(NULL, main_coroutine, NULL, NULL, NULL);
	sem_destroy(&begun);
	sem_destroy(&go);
	return status;
}
