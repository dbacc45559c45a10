/* SPDX-License-Identifier: MIT */
/* The same blocking work in threads goes side by side. */
#include "case.h"

#include <pthread.h>
#include <time.h>

static pthread_t main_thread;
static double start;

static double monotonic(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static aw_status hard_work(void *ud, void **out, aw_destroy_fn *out_destroy) {
	(void)ud;
	(void)out;
	(void)out_destroy;
	trace("t=%d main thread: %s", (int)(monotonic() - start + 0.5),
	      True_or_False(pthread_equal(pthread_self(), main_thread)));
	sleep(3);
	return 0;
}

static aw_status do_async_job(void *ud) {
	must(aw_to_thread(hard_work, ud, NULL, NULL, NULL));
	must(aw_sleep(AW_SECOND));
	trace("job done! t=%d", (int)(monotonic() - start + 0.5));
	return 0;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	aw_task *tasks[] = {create_task(do_async_job, NULL), create_task(do_async_job, NULL),
	                    create_task(do_async_job, NULL)};
	aw_future *all = gather(tasks, 3, AW_GATHER_DEFAULT);
	must(aw_await(all, NULL));
	aw_future_unref(all);
	drop_tasks(tasks, 3);
	return 0;
}

CASE(s003_11_to_thread, 4.0, CASE_REAL_TIME) {
	main_thread = pthread_self();
	start = monotonic();
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
