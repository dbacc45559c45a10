/* SPDX-License-Identifier: MIT */
/* await makes no task; create_task does. */
#include "case.h"

typedef struct seen {
	aw_task *task;
	int tasks;
} seen;

static aw_status inner(aw_resume *resume, void *ud) {
	seen *self = ud;
	self->task = aw_resume_task(resume);
	self->tasks = must(aw_loop_all_tasks(aw_loop_current(), NULL, 0));
	return aw_resume_return(resume, self, NULL);
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	aw_task *me = aw_task_current(), *task = NULL;
	aw_coro *coro = NULL;
	seen first = {0}, second = {0};
	must(aw_coro_new(NULL, inner, &first, NULL, &coro));
	must(aw_await_coro(coro, NULL));
	aw_coro_unref(coro);
	trace("await: same task %s tasks %d", True_or_False(first.task == me), first.tasks);

	must(aw_coro_new(NULL, inner, &second, NULL, &coro));
	must(aw_task_spawn_coro(NULL, coro, &task));
	must(await_task(task, NULL));
	aw_task_unref(task);
	aw_coro_unref(coro);
	trace("create_task: same task %s tasks %d", True_or_False(second.task == me), second.tasks);
	return 0;
}

CASE(s002_09_await_makes_no_task_prose, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
