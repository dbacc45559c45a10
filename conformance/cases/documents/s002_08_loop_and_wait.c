/* SPDX-License-Identifier: MIT */
/*
 * run_until_complete and run; a coroutine that has run can't run again; a named task among those that are
 * done.
 */
#include "case.h"

typedef struct func {
	aw_frame frame;
	aw_loop *loop;
	aw_coro *sleep;
} func;

static char resp_text[] = "resp";

static aw_status func01(aw_resume *resume, void *ud) {
	func *self = ud;
	AW_BEGIN(&self->frame);
	trace("func01 runs");
	must(aw_sleep_coro(self->loop, AW_SECOND / 10, resp_text, NULL, &self->sleep));
	AW_AWAIT_CORO(&self->frame, resume, self->sleep);
	trace("%s", (char *)aw_resume_value(resume));
	AW_END(&self->frame);
	aw_coro_unref(self->sleep);
	return aw_resume_return(resume, resp_text, NULL);
}

static aw_status func02(void *ud) {
	(void)ud;
	trace("999");
	must(aw_sleep(AW_SECOND / 5));
	return 0;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	func state = {.loop = aw_loop_current()};
	aw_coro *coro = NULL;
	aw_task *task01 = NULL;
	must(aw_coro_new(NULL, func01, &state, NULL, &coro));
	must(aw_task_spawn_coro(NULL, coro, &task01));
	must(aw_task_set_name(task01, "task01"));
	aw_future *task_list[] = {aw_task_future(task01)};
	aw_status done = must(aw_wait(task_list, 1, AW_ALL_COMPLETED, AW_FOREVER, NULL));
	void *result = NULL;
	must(aw_future_result(task_list[0], &result));
	if (done == 1) trace("['%s'] ['%s'] set()", aw_task_name(task01), (char *)result);
	aw_task_unref(task01);
	aw_coro_unref(coro);
	return 0;
}

CASE(s002_08_loop_and_wait, 0.4, CASE_ANY) {
	aw_loop *loop = NULL;
	aw_coro *result = NULL;
	aw_task *task = NULL;
	void *value = NULL;
	must(aw_loop_new(NULL, &loop));
	func state = {.loop = loop};
	must(aw_coro_new(loop, func01, &state, NULL, &result));
	must(aw_task_spawn_coro(loop, result, &task));
	must(aw_loop_run_until_complete(loop, aw_task_future(task), &value));
	trace("until complete: %s", (char *)value);
	aw_task_unref(task);

	if (aw_task_spawn_coro(loop, result, &task) == AW_EREUSED)
		trace("RuntimeError: cannot reuse already awaited coroutine");
	aw_coro_unref(result);
	trace("run: %d", (int)must(aw_run(NULL, func02, NULL, NULL, NULL)));

	must(aw_task_spawn(loop, main_coroutine, NULL, NULL, &task));
	must(aw_loop_run_until_complete(loop, aw_task_future(task), NULL));
	aw_task_unref(task);
	must(aw_loop_close(loop));
	aw_loop_unref(loop);
	return 0;
}
