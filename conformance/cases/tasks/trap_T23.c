/* SPDX-License-Identifier: MIT */
/* T23: a task is already a future, the same object either way; only a coroutine can become a task. */
#include "case.h"

static char text[] = "ran";

static aw_status c(void *ud) {
	(void)ud;
	return aw_return(text, NULL);
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	aw_task *task = create_task(c, NULL);
	trace("%s", True_or_False(aw_future_task(aw_task_future(task)) == task));
	aw_future *f = create_future();
	trace("%s", True_or_False(aw_future_task(f) == NULL && (void *)aw_task_future(task) == (void *)task));
	if (aw_task_spawn_coro(NULL, (aw_coro *)(void *)f, NULL) == AW_EBADHANDLE) trace("refused");
	void *value = NULL;
	must(await_task(task, &value));
	trace("%s %s", (const char *)value, True_or_False(aw_future_done(f)));
	aw_future_unref(f);
	aw_task_unref(task);
	return 0;
}

CASE(trap_T23, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
