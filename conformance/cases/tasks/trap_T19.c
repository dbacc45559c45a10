/* SPDX-License-Identifier: MIT */
/* T19: all_tasks() holds the tasks that are not done, those not started yet too, and never a plain future. */
#include "case.h"

static aw_status c(void *ud) {
	(void)ud;
	return 0;
}

static void show(void) {
	aw_task *tasks[4];
	aw_status count = must(aw_loop_all_tasks(NULL, tasks, 4));
	char line[64] = "";
	for (aw_status i = 0; i < count && i < 4; i++) {
		size_t used = strlen(line);
		snprintf(line + used, sizeof line - used, "%s'%s'", i ? ", " : "", aw_task_name(tasks[i]));
		aw_task_unref(tasks[i]);
	}
	trace("[%s]", line);
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	must(aw_task_set_name(aw_task_current(), "main"));
	aw_future *f = create_future();
	aw_task *task = create_task(c, NULL);
	must(aw_task_set_name(task, "task"));
	show();
	must(await_task(task, NULL));
	show();
	aw_task_unref(task);
	aw_future_unref(f);
	return 0;
}

CASE(trap_T19, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
