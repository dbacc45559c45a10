/* SPDX-License-Identifier: MIT */
/* Two tasks take the longer of their times. */
#include "case.h"

typedef struct say {
	int64_t delay;
	const char *what;
} say;

static aw_status say_after(void *ud) {
	const say *self = ud;
	must(aw_sleep(self->delay));
	trace("%s", self->what);
	return 0;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	int64_t start = now();
	say hello = {1 * AW_SECOND, "hello"}, world = {2 * AW_SECOND, "world"};
	aw_task *task1 = create_task(say_after, &hello);
	aw_task *task2 = create_task(say_after, &world);
	trace("started at t=%d", whole_seconds(start));
	must(await_task(task1, NULL));
	must(await_task(task2, NULL));
	trace("finished at t=%d", whole_seconds(start));
	aw_task_unref(task1);
	aw_task_unref(task2);
	return 0;
}

CASE(s000_04_say_after_tasks, 2.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
