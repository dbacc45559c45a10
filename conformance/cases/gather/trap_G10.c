/* SPDX-License-Identifier: MIT */
/*
 * G10: a gather whose children are all done but which has not been told yet can't be cancelled: the results
 * still come. A task that awaits one and is cancelled at that moment is cancelled.
 */
#include "case.h"

static char result[] = "result";

/* await asyncio.gather(future) */
static aw_status waiter(void *ud) {
	aw_future *future = ud, *gathered = NULL;
	must(aw_gather(NULL, &future, 1, AW_GATHER_DEFAULT, &gathered));
	aw_status status = aw_await(gathered, NULL);
	aw_future_unref(gathered);
	return status;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	aw_future *future = create_future(), *gathered = NULL;
	void *results = NULL, *value = NULL;
	must(aw_gather(NULL, &future, 1, AW_GATHER_DEFAULT, &gathered));
	must(aw_future_set_result(future, result, NULL));
	aw_status cancel = must(aw_future_cancel(gathered, NULL));
	must(aw_await(gathered, &results));
	must(aw_results_get(results, 0, &value));
	trace("%s %s", True_or_False(cancel), (char *)value);
	aw_future_unref(gathered);
	aw_future_unref(future);

	future = create_future();
	aw_task *task = create_task(waiter, future);
	must(aw_sleep(0));
	must(aw_future_set_result(future, result, NULL));
	must(aw_task_cancel(task, NULL));
	wait_tasks(&task, 1);
	trace("%s", True_or_False(aw_future_cancelled(aw_task_future(task))));
	aw_task_unref(task);
	aw_future_unref(future);
	return 0;
}

CASE(trap_G10, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
