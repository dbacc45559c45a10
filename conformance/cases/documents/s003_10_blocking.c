/* SPDX-License-Identifier: MIT */
/* Blocking work in coroutines goes one after the other, and only the sleeps overlap. */
#include "case.h"

#include <pthread.h>

static pthread_t main_thread;
static int64_t start;

static void hard_work(void) {
	trace("t=%d main thread: %s", whole_seconds(start),
	      True_or_False(pthread_equal(pthread_self(), main_thread)));
	sleep(3);
}

static aw_status do_async_job(void *ud) {
	(void)ud;
	hard_work();
	must(aw_sleep(AW_SECOND));
	trace("job done! t=%d", whole_seconds(start));
	return 0;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	start = now();
	aw_task *tasks[] = {create_task(do_async_job, NULL), create_task(do_async_job, NULL),
	                    create_task(do_async_job, NULL)};
	aw_future *all = gather(tasks, 3, AW_GATHER_DEFAULT);
	must(aw_await(all, NULL));
	aw_future_unref(all);
	drop_tasks(tasks, 3);
	return 0;
}

CASE(s003_10_blocking, 10.0, CASE_REAL_TIME) {
	main_thread = pthread_self();
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
