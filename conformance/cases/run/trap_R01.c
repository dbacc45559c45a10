/* SPDX-License-Identifier: MIT */
/* R01: run cancels every task that is left, waits for all of them, and keeps the result of main. */
#include "job.h"

static aw_task *tasks[2];

static aw_status left(void *ud) {
	const job *self = ud;
	aw_status status = aw_sleep(9 * AW_SECOND);
	if (status != AW_ECANCELLED) return status;
	must(aw_sleep(self->units * TICK));
	trace("%s cleaned", self->name);
	return status;
}

static aw_status main_coroutine(void *ud) {
	job *jobs = ud;
	for (size_t i = 0; i < 2; i++) tasks[i] = create_task(left, &jobs[i]);
	must(aw_sleep(0));
	trace("main ends");
	return aw_return("result", NULL);
}

CASE(trap_R01, 0.6, CASE_ANY) {
	job jobs[] = {{"a", 1, 0}, {"b", 3, 0}};
	void *value = NULL;
	must(aw_run(NULL, main_coroutine, jobs, NULL, &value));
	trace("%s", (char *)value);
	trace("%s %s", True_or_False(aw_future_cancelled(aw_task_future(tasks[0]))),
	      True_or_False(aw_future_cancelled(aw_task_future(tasks[1]))));
	drop_tasks(tasks, 2);
	return 0;
}
