/* SPDX-License-Identifier: MIT */
/* A coroutine awaited, as a task, behind a shield, and cancelled before it starts. */
#include "case.h"

typedef struct something {
	aw_frame frame;
	int n;
	aw_coro *sleep;
} something;

static aw_status something_async(aw_resume *resume, void *ud) {
	something *self = ud;
	AW_BEGIN(&self->frame);
	trace("start %d", self->n);
	must(aw_sleep_coro(NULL, AW_SECOND / 5, NULL, NULL, &self->sleep));
	AW_AWAIT_CORO(&self->frame, resume, self->sleep);
	trace("end %d", self->n);
	AW_END(&self->frame);
	aw_coro_unref(self->sleep);
	return aw_resume_return(resume, &self->n, NULL);
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	something state[4] = {{.n = 1}, {.n = 2}, {.n = 3}, {.n = 4}};
	aw_coro *aw[4] = {NULL};
	for (size_t i = 0; i < 4; i++) must(aw_coro_new(NULL, something_async, &state[i], NULL, &aw[i]));
	aw_task *task = NULL;
	void *result = NULL;

	must(aw_await_coro(aw[0], &result));
	trace("result %d", *(int *)result);

	must(aw_task_spawn_coro(NULL, aw[1], &task));
	must(await_task(task, &result));
	trace("result %d", *(int *)result);
	aw_task_unref(task);

	aw_future *shield = NULL;
	must(aw_task_spawn_coro(NULL, aw[2], &task));
	must(aw_shield(aw_task_future(task), &shield));
	must(aw_await(shield, &result));
	trace("result %d", *(int *)result);
	aw_future_unref(shield);
	aw_task_unref(task);

	must(aw_task_spawn_coro(NULL, aw[3], &task));
	must(aw_task_cancel(task, NULL));
	trace("%s", True_or_False(aw_task_coro(task) == aw[3]));
	if (await_task(task, NULL) == AW_ECANCELLED)
		trace("cancelled %s", True_or_False(aw_future_cancelled(aw_task_future(task))));
	aw_task_unref(task);
	for (size_t i = 0; i < 4; i++) aw_coro_unref(aw[i]);
	return 0;
}

CASE(s002_02_await_task_shield_cancel, 0.6, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
