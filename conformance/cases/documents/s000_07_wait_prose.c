/* SPDX-License-Identifier: MIT */
/* wait: for all, for the first, for a limit; nothing is cancelled. */
#include "case.h"

typedef struct job {
	char *name;
	int64_t delay;
} job;

static int64_t start;

static aw_status work(void *ud) {
	const job *self = ud;
	must(aw_sleep(self->delay));
	trace("t=%d %s", whole_seconds(start), self->name);
	return aw_return(self->name, NULL);
}

static const char *result(aw_future *future) {
	void *value = NULL;
	must(aw_future_result(future, &value));
	return value;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	char name_a[] = "a", name_b[] = "b", name_c[] = "c", name_d[] = "d";
	job a = {name_a, 2 * AW_SECOND}, b = {name_b, 1 * AW_SECOND};
	job c = {name_c, 2 * AW_SECOND}, d = {name_d, 1 * AW_SECOND};
	aw_bool is_done[2];
	aw_status done;
	start = now();

	aw_task *tasks[] = {create_task(work, &a), create_task(work, &b)};
	aw_future *ts[] = {aw_task_future(tasks[0]), aw_task_future(tasks[1])};
	done = must(aw_wait(ts, 2, AW_ALL_COMPLETED, AW_FOREVER, is_done));
	if (done == 2 && is_done[0] && is_done[1])
		trace("t=%d ['%s', '%s'] set()", whole_seconds(start), result(ts[0]), result(ts[1]));
	drop_tasks(tasks, 2);

	tasks[0] = create_task(work, &c);
	tasks[1] = create_task(work, &d);
	ts[0] = aw_task_future(tasks[0]);
	ts[1] = aw_task_future(tasks[1]);
	done = must(aw_wait(ts, 2, AW_FIRST_COMPLETED, AW_FOREVER, is_done));
	trace("t=%d ['%s'] %d", whole_seconds(start), result(ts[is_done[0] ? 0 : 1]), 2 - done);

	/* What is pending: task c. */
	done = must(aw_wait(ts, 1, AW_ALL_COMPLETED, AW_SECOND / 2, NULL));
	trace("%d %d", done, 1 - done);
	must(aw_wait(ts, 1, AW_ALL_COMPLETED, AW_FOREVER, NULL));
	drop_tasks(tasks, 2);
	return 0;
}

CASE(s000_07_wait_prose, 4.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
