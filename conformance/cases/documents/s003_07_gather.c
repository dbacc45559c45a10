/* SPDX-License-Identifier: MIT */
/*
 * Three jobs at once, all in the thread that runs the loop. The results are those that Python's seeded
 * generator draws.
 */
#include "case.h"

#include <pthread.h>

static pthread_t main_thread;
static int64_t start;
static int drawn[] = {2, 6, 10};
static size_t draws;

static aw_status do_async_job(void *ud) {
	(void)ud;
	must(aw_sleep(2 * AW_SECOND));
	trace("t=%d main thread %s", whole_seconds(start),
	      True_or_False(pthread_equal(pthread_self(), main_thread)));
	return aw_return(&drawn[draws++ % 3], NULL);
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	start = now();
	aw_task *jobs[] = {create_task(do_async_job, NULL), create_task(do_async_job, NULL),
	                   create_task(do_async_job, NULL)};
	aw_future *all = gather(jobs, 3, AW_GATHER_DEFAULT);
	void *return_values = NULL, *v = NULL;
	must(aw_await(all, &return_values));
	for (size_t i = 0; i < aw_results_count(return_values); i++) {
		must(aw_results_get(return_values, i, &v));
		trace("result => %d", *(int *)v);
	}
	aw_future_unref(all);
	drop_tasks(jobs, 3);
	return 0;
}

CASE(s003_07_gather, 2.0, CASE_ANY) {
	main_thread = pthread_self();
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
