/* SPDX-License-Identifier: MIT */
/* Leaving a task group waits for all its tasks; their results stay readable. */
#include "case.h"

typedef struct say {
	int64_t delay;
	char *what;
} say;

static aw_status say_after(void *ud) {
	const say *self = ud;
	must(aw_sleep(self->delay));
	trace("%s", self->what);
	return aw_return(self->what, NULL);
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	int64_t start = now();
	char what_a[] = "hello", what_b[] = "world";
	say say_a = {1 * AW_SECOND, what_a}, say_b = {2 * AW_SECOND, what_b};
	aw_taskgroup *tg = NULL;
	aw_task *a = NULL, *b = NULL;
	void *result_a = NULL, *result_b = NULL;

	must(aw_taskgroup_new(NULL, &tg));
	must(aw_taskgroup_enter(tg));
	must(aw_taskgroup_spawn(tg, say_after, &say_a, NULL, &a));
	must(aw_taskgroup_spawn(tg, say_after, &say_b, NULL, &b));
	trace("started at t=%d", whole_seconds(start));
	must(aw_taskgroup_exit(tg, 0, NULL));

	must(aw_future_result(aw_task_future(a), &result_a));
	must(aw_future_result(aw_task_future(b), &result_b));
	trace("finished at t=%d %s %s", whole_seconds(start), (char *)result_a, (char *)result_b);
	aw_task_unref(a);
	aw_task_unref(b);
	aw_taskgroup_unref(tg);
	return 0;
}

CASE(s000_05_taskgroup_prose, 2.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
