/* SPDX-License-Identifier: MIT */
/* as_completed: yields in order of completion; with a timeout, the rest times out and continues. */
#include "case.h"

typedef struct job {
	char name[8];
	int64_t delay;
} job;

static job jobs[3] = {
	{"slow", 6 * AW_SECOND / 10}, {"fast", 2 * AW_SECOND / 10}, {"middle", 4 * AW_SECOND / 10}};

static aw_status work(void *ud) {
	job *self = ud;
	aw_status status = aw_sleep(self->delay);
	return status < 0 ? status : aw_return(self->name, NULL);
}

static void create_tasks(aw_task **tasks) {
	for (size_t i = 0; i < 3; i++) tasks[i] = create_task(work, &jobs[i]);
}

static void run_aws(aw_task *const *tasks, int64_t timeout) {
	aw_future *futures[3];
	for (size_t i = 0; i < 3; i++) futures[i] = aw_task_future(tasks[i]);
	aw_as_completed *fut_list = NULL;
	must(aw_as_completed_new(NULL, futures, 3, timeout, &fut_list));
	for (;;) {
		aw_future *fut = NULL;
		aw_status status = aw_as_completed_next(fut_list, &fut);
		if (status == AW_ESTOPITERATION) break;
		if (status == AW_ETIMEOUT) {
			trace("TimeoutError");
			continue;
		}
		must(status);
		void *result = NULL;
		must(aw_await(fut, &result));
		trace("%s", (char *)result);
		aw_future_unref(fut);
	}
	aw_as_completed_unref(fut_list);
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	aw_task *ts[3];
	create_tasks(ts);
	run_aws(ts, AW_FOREVER);
	drop_tasks(ts, 3);

	create_tasks(ts);
	run_aws(ts, 3 * AW_SECOND / 10);
	const char *done[3];
	for (size_t i = 0; i < 3; i++) done[i] = True_or_False(aw_future_done(aw_task_future(ts[i])));
	trace("[%s, %s, %s]", done[0], done[1], done[2]);
	drop_tasks(ts, 3);
	return 0;
}

CASE(s002_03_as_completed, 0.9, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
