/* SPDX-License-Identifier: MIT */
/* A blocking function runs in another thread, and the loop ticks on. */
#include "case.h"

#include <pthread.h>
#include <time.h>

static pthread_t main_thread;

static aw_status blocking(void *ud, void **out, aw_destroy_fn *out_destroy) {
	(void)ud;
	(void)out_destroy;
	sleep(1);
	*out = (void *)(intptr_t)(pthread_equal(pthread_self(), main_thread) != 0);
	return 0;
}

static aw_status in_thread(void *ud) {
	void *in_main = NULL;
	must(aw_to_thread(blocking, ud, NULL, &in_main, NULL));
	return aw_return(in_main, NULL);
}

static int ticks[4], tick_count;

static aw_status ticker(void *ud) {
	(void)ud;
	for (int i = 0; i < 4; i++) {
		must(aw_sleep(AW_SECOND / 5));
		ticks[tick_count++] = i;
	}
	return 0;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	aw_task *tasks[] = {create_task(in_thread, NULL), create_task(ticker, NULL)};
	aw_future *all = gather(tasks, 2, AW_GATHER_DEFAULT);
	void *results = NULL, *in_main = NULL;
	must(aw_await(all, &results));
	must(aw_results_get(results, 0, &in_main));
	trace("blocking ran in the main thread: %s ticks: [%d, %d, %d, %d]", True_or_False(in_main != NULL),
	      ticks[0], ticks[1], ticks[2], ticks[3]);
	aw_future_unref(all);
	drop_tasks(tasks, 2);
	return 0;
}

static double monotonic(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

CASE(s001_08_to_thread_prose, 1.0, CASE_REAL_TIME) {
	main_thread = pthread_self();
	double t = monotonic();
	aw_status status = aw_run(NULL, main_coroutine, NULL, NULL, NULL);
	trace("t=%d", (int)(monotonic() - t + 0.5));
	return status;
}
