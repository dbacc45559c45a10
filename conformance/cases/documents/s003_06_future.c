/* SPDX-License-Identifier: MIT */
/* A future whose result another task sets. */
#include "case.h"

static char hello[] = "Hello future";

static aw_status do_async_job(void *ud) {
	aw_future *future = ud;
	must(aw_sleep(2 * AW_SECOND));
	must(aw_future_set_result(future, hello, NULL));
	return 0;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	aw_future *future = create_future();
	aw_task_unref(create_task(do_async_job, future));

	must(aw_await(future, NULL));

	void *result = NULL;
	must(aw_future_result(future, &result));
	trace("%s", (const char *)result);
	aw_future_unref(future);
	return 0;
}

CASE(s003_06_future, 2.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
