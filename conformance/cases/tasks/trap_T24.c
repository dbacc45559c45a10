/* SPDX-License-Identifier: MIT */
/*
 * T24: a coroutine handed over by another thread: that thread's future gets result, error or cancellation;
 * cancelling it cancels the task in the loop.
 */
#include "bare.h"

#include <pthread.h>
#include <semaphore.h>

static char text[] = "value";
static sem_t started, ended;

static aw_status gives(void *ud) {
	(void)ud;
	return aw_return(text, NULL);
}

static aw_status fails(void *ud) {
	(void)ud;
	return aw_raise(AW_ETIMEOUT, "v");
}

static aw_status waits(void *ud) {
	(void)ud;
	aw_future *f = create_future();
	sem_post(&started);
	aw_status status = aw_await(f, NULL);
	aw_future_unref(f);
	if (status != AW_ECANCELLED) return status;
	trace("the task is cancelled");
	sem_post(&ended);
	return status;
}

static void *run_forever(void *loop) {
	must(aw_loop_run_forever(loop));
	return NULL;
}

static aw_concurrent_future *run_coroutine_threadsafe(aw_task_fn fn, aw_loop *loop) {
	aw_concurrent_future *future = NULL;
	must(aw_run_coroutine_threadsafe(loop, fn, NULL, NULL, &future));
	return future;
}

CASE(trap_T24, 0.0, CASE_ANY) {
	aw_loop *loop = new_event_loop();
	pthread_t thread;
	void *value = NULL;
	must(sem_init(&started, 0, 0));
	must(sem_init(&ended, 0, 0));
	must(-pthread_create(&thread, NULL, run_forever, loop));

	aw_concurrent_future *future = run_coroutine_threadsafe(gives, loop);
	must(aw_concurrent_future_wait(future, 9 * AW_SECOND, &value));
	trace("%s", (const char *)value);
	aw_concurrent_future_unref(future);

	future = run_coroutine_threadsafe(fails, loop);
	aw_status status = aw_concurrent_future_wait(future, 9 * AW_SECOND, NULL);
	trace("%s %s", raised(status), aw_error_message(aw_concurrent_future_error(future)));
	aw_concurrent_future_unref(future);

	future = run_coroutine_threadsafe(waits, loop);
	while (sem_wait(&started) < 0) {
	}
	trace("%s", True_or_False(aw_concurrent_future_done(future)));
	aw_status accepted = must(aw_concurrent_future_cancel(future));
	while (sem_wait(&ended) < 0) {
	}
	trace("%s %s", True_or_False(accepted), True_or_False(aw_concurrent_future_cancelled(future)));
	aw_concurrent_future_unref(future);

	must(aw_loop_call_soon_threadsafe(loop, stop, NULL, NULL));
	must(-pthread_join(thread, NULL));
	close_event_loop(loop);
	sem_destroy(&started);
	sem_destroy(&ended);
	return 0;
}
