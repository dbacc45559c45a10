/* SPDX-License-Identifier: MIT */
/* Labels: valgrind */
/* Coroutines as step functions: all results, all values that are sent, and errors of a step. */
#include "trace.h"

#include <await/stackless.h>

static aw_status drive(aw_loop *loop, aw_step_fn fn, void *ud, void **out) {
	aw_coro *coro = NULL;
	aw_task *task = NULL;
	EXPECT_INT(aw_coro_new(loop, fn, ud, say_destroyed, &coro), 0);
	EXPECT_INT(aw_task_spawn_coro(loop, coro, &task), 0);
	EXPECT(aw_task_coro(task) == coro);
	aw_coro_unref(coro);
	aw_status status = aw_loop_run_until_complete(loop, aw_task_future(task), out);
	aw_task_unref(task);
	return status;
}

static aw_status step_value(aw_resume *resume, void *ud) {
	EXPECT_INT(aw_resume_status(resume), 0);
	EXPECT(aw_resume_value(resume) == NULL && aw_resume_error(resume) == NULL);
	EXPECT(aw_resume_task(resume) == aw_task_current());
	return aw_resume_return(resume, ud, say_destroyed);
}

static aw_status step_bare(aw_resume *resume, void *ud) {
	(void)resume;
	return *(const char *)ud == 'e' ? -ENOENT : 0;
}

static aw_status step_raise(aw_resume *resume, void *ud) {
	aw_error *error = NULL;
	EXPECT_INT(aw_error_new(NULL, -EIO, ud, NULL, NULL, &error), 0);
	aw_status status = aw_resume_raise(resume, error);
	EXPECT_INT(status, -EIO);
	aw_error_unref(error);
	return status;
}

static void a_step_can_end_at_once_in_each_way(void) {
	aw_loop *loop = loop_begin(NULL);
	void *value = NULL;
	EXPECT_INT(drive(loop, step_value, "v", &value), 0);
	EXPECT_STR(value, "v");
	EXPECT_STR(trace, "~v ~v"); /* the state, and the value together with the task */
	trace_reset();
	EXPECT_INT(drive(loop, step_bare, "ok", &value), 0);
	EXPECT(value == NULL);
	EXPECT_INT(drive(loop, step_bare, "error", NULL), -ENOENT);
	EXPECT_INT(drive(loop, step_raise, "raise", NULL), -EIO);
	EXPECT_STR(trace, "~ok ~error ~raise");
	loop_end(loop);
}

typedef struct frame {
	aw_frame frame;
	aw_future *future;
	aw_coro *inner;
} frame;

static aw_status step_awaits(aw_resume *resume, void *ud) {
	frame *self = ud;
	AW_BEGIN(&self->frame);
	trace_add("start");
	AW_AWAIT(&self->frame, resume, self->future);
	trace_status("sent", aw_resume_status(resume));
	if (aw_resume_error(resume)) trace_add(aw_error_message(aw_resume_error(resume)));
	if (aw_resume_value(resume)) trace_add(aw_resume_value(resume));
	AW_YIELD(&self->frame, resume);
	trace_status("yielded", aw_resume_status(resume));
	AW_END(&self->frame);
	return 0;
}

static aw_task *spawn_steps(aw_loop *loop, aw_step_fn fn, void *ud) {
	aw_coro *coro = NULL;
	aw_task *task = NULL;
	EXPECT_INT(aw_coro_new(loop, fn, ud, NULL, &coro), 0);
	EXPECT_INT(aw_task_spawn_coro(loop, coro, &task), 0);
	aw_coro_unref(coro);
	return task;
}

static void an_awaited_future_sends_its_value_or_its_error(void) {
	aw_loop *loop = loop_begin(NULL);
	for (int way = 0; way < 3; way++) {
		frame self = {.frame = {0}};
		trace_reset();
		REQUIRE(aw_future_new(loop, &self.future) == 0);
		if (way == 2) EXPECT(aw_future_set_result(self.future, "early", NULL) >= 0);
		aw_task *task = spawn_steps(loop, step_awaits, &self);
		EXPECT(aw_loop_run_once(loop, 0) >= 0);
		if (way == 0) EXPECT(aw_future_set_result(self.future, "value", NULL) >= 0);
		if (way == 1) aw_future_fail(self.future, -EIO, "luckless");
		EXPECT_INT(aw_loop_run_until_complete(loop, aw_task_future(task), NULL), 0);
		EXPECT_STR(trace, way == 0   ? "start sent:AW_OK value yielded:AW_OK"
		                  : way == 1 ? "start sent:EIO luckless yielded:AW_OK"
		                             : "start sent:AW_OK early yielded:AW_OK");
		aw_task_unref(task);
		aw_future_unref(self.future);
	}
	loop_end(loop);
}

static void cancellation_is_sent_and_may_be_handled(void) {
	aw_loop *loop = loop_begin(NULL);
	frame self = {.frame = {0}};
	REQUIRE(aw_future_new(loop, &self.future) == 0);
	aw_task *task = spawn_steps(loop, step_awaits, &self);
	EXPECT(aw_loop_run_once(loop, 0) >= 0);
	EXPECT_INT(aw_task_cancel(task, "why"), 1);
	EXPECT_INT(aw_loop_run_until_complete(loop, aw_task_future(task), NULL), 0);
	EXPECT_STR(trace, "start sent:AW_ECANCELLED why yielded:AW_OK");
	aw_task_unref(task);
	aw_future_unref(self.future);
	loop_end(loop);
}

static aw_status step_never(aw_resume *resume, void *ud) {
	(void)resume;
	trace_add(ud);
	return 0;
}

static void an_error_before_the_start_never_reaches_the_step(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_coro *coro = NULL;
	aw_task *task = NULL;
	REQUIRE(aw_coro_new(loop, step_never, "never", say_destroyed, &coro) == 0);
	REQUIRE(aw_task_spawn_coro(loop, coro, &task) == 0);
	aw_coro_unref(coro);
	aw_task_cancel(task, NULL);
	EXPECT_STR(trace, "");
	EXPECT(aw_loop_run_once(loop, 0) >= 0);
	EXPECT_STR(trace, "~never");
	EXPECT_INT(aw_future_cancelled(aw_task_future(task)), 1);
	aw_task_unref(task);
	loop_end(loop);
}

static aw_status step_delegates(aw_resume *resume, void *ud) {
	frame *self = ud;
	AW_BEGIN(&self->frame);
	AW_AWAIT_CORO(&self->frame, resume, self->inner);
	trace_status("inner", aw_resume_status(resume));
	if (aw_resume_error(resume)) trace_add(aw_error_message(aw_resume_error(resume)));
	AW_END(&self->frame);
	return aw_resume_return(resume, aw_resume_value(resume), NULL);
}

static void a_delegate_runs_in_the_same_task_and_gives_its_outcome(void) {
	aw_loop *loop = loop_begin(NULL);
	frame self = {.frame = {0}};
	REQUIRE(aw_coro_new(loop, step_value, "v", say_destroyed, &self.inner) == 0);
	aw_task *task = spawn_steps(loop, step_delegates, &self);
	EXPECT_INT(aw_loop_run_once(loop, 0), 1); /* all of it takes one step */
	EXPECT_INT(aw_future_done(aw_task_future(task)), 1);
	EXPECT_STR(trace, "~v inner:AW_OK");
	aw_coro_unref(self.inner);
	EXPECT_STR(trace, "~v inner:AW_OK ~v");
	aw_task_unref(task);
	trace_reset();
	self = (frame){.frame = {0}};
	REQUIRE(aw_coro_new(loop, step_raise, "boom", say_destroyed, &self.inner) == 0);
	task = spawn_steps(loop, step_delegates, &self);
	EXPECT_INT(aw_loop_run_until_complete(loop, aw_task_future(task), NULL), 0);
	aw_coro_unref(self.inner);
	EXPECT_STR(trace, "~boom inner:EIO boom");
	aw_task_unref(task);
	loop_end(loop);
}

static aw_status step_exits(aw_resume *resume, void *ud) {
	(void)resume;
	(void)ud;
	return AW_ESYSTEMEXIT;
}

static void an_exit_that_the_outer_coroutine_handles_is_none(void) {
	aw_loop *loop = loop_begin(NULL);
	frame self = {.frame = {0}};
	REQUIRE(aw_coro_new(loop, step_exits, NULL, NULL, &self.inner) == 0);
	aw_task *task = spawn_steps(loop, step_delegates, &self);
	EXPECT_INT(aw_loop_run_until_complete(loop, aw_task_future(task), NULL), 0);
	aw_coro_unref(self.inner);
	EXPECT_STR(trace, "inner:AW_ESYSTEMEXIT the program asked to leave the loop");
	aw_task_unref(task);
	task = spawn_steps(loop, step_exits, NULL);
	EXPECT_INT(aw_loop_run_until_complete(loop, aw_task_future(task), NULL), AW_ESYSTEMEXIT);
	EXPECT_INT(aw_future_result(aw_task_future(task), NULL), AW_ESYSTEMEXIT);
	aw_task_unref(task);
	loop_end(loop);
}

static void a_cancelled_delegate_lets_its_parent_decide(void) {
	aw_loop *loop = loop_begin("virtual");
	frame self = {.frame = {0}};
	REQUIRE(aw_sleep_coro(loop, AW_SECOND, "slept", NULL, &self.inner) == 0);
	aw_task *task = spawn_steps(loop, step_delegates, &self);
	EXPECT(aw_loop_run_once(loop, 0) >= 0);
	aw_task_cancel(task, NULL);
	EXPECT_INT(aw_loop_run_until_complete(loop, aw_task_future(task), NULL), 0);
	EXPECT_STR(trace, "inner:AW_ECANCELLED the operation was cancelled");
	aw_coro_unref(self.inner);
	aw_task_unref(task);
	loop_end(loop);
}

static aw_status sleeps(void *ud) {
	aw_coro *coro = NULL;
	void *value = NULL;
	(void)ud;
	EXPECT_INT(aw_sleep_coro(NULL, AW_SECOND, "slept", say_destroyed, &coro), 0);
	EXPECT_INT(aw_await_coro(coro, &value), 0);
	EXPECT_STR(value, "slept");
	EXPECT_INT(aw_await_coro(coro, &value), AW_EREUSED);
	aw_coro_unref(coro);
	EXPECT(aw_sleep(0) >= 0);
	EXPECT_STR(trace, "~slept");
	EXPECT_INT(aw_sleep_coro(NULL, 0, "unused", say_destroyed, &coro), 0);
	aw_coro_unref(coro);
	EXPECT_STR(trace, "~slept ~unused");
	return 0;
}

static void a_stackful_task_can_run_a_coroutine_object_once(void) {
	EXPECT_INT(run_virtual(sleeps), 0);
}

static void a_coroutine_runs_once(void) {
	aw_loop *loop = loop_begin(NULL), *other = NULL;
	aw_coro *coro = NULL;
	aw_task *task = NULL;
	REQUIRE(aw_loop_new(NULL, &other) == 0);
	REQUIRE(aw_coro_new(loop, step_value, "v", say_destroyed, &coro) == 0);
	EXPECT_INT(aw_task_spawn_coro(other, coro, NULL), AW_EFOREIGNLOOP);
	EXPECT_INT(aw_task_spawn_coro(loop, coro, &task), 0);
	EXPECT_INT(aw_task_spawn_coro(loop, coro, NULL), AW_EREUSED);
	/* A coroutine that another task drives can't be awaited. */
	frame self = {.inner = coro};
	aw_task *second = spawn_steps(loop, step_delegates, &self);
	EXPECT_INT(aw_loop_run_until_complete(loop, aw_task_future(second), NULL), 0);
	EXPECT_STR(trace, "~v inner:AW_EREUSED the coroutine runs already, or has run");
	EXPECT_INT(aw_task_spawn_coro(loop, coro, NULL), AW_EREUSED);
	aw_task_unref(task);
	aw_task_unref(second);
	aw_coro_unref(coro);
	aw_loop_unref(other);
	loop_end(loop);
}

static aw_status step_answers_twice(aw_resume *resume, void *ud) {
	frame *self = ud;
	if (self->frame.line++) return 0;
	EXPECT_INT(aw_resume_yield(resume), 0);
	EXPECT_INT(aw_resume_return(resume, "late", say_destroyed), AW_EINVALIDSTATE);
	EXPECT_INT(aw_resume_await(resume, self->future), AW_EINVALIDSTATE);
	EXPECT_INT(aw_resume_yield(resume), AW_EINVALIDSTATE);
	trace_add("first");
	return 0;
}

static void the_first_answer_of_a_step_stands(void) {
	aw_loop *loop = loop_begin(NULL);
	frame self = {.frame = {0}};
	REQUIRE(aw_future_new(loop, &self.future) == 0);
	aw_task *task = spawn_steps(loop, step_answers_twice, &self);
	EXPECT_INT(aw_loop_run_until_complete(loop, aw_task_future(task), NULL), 0);
	EXPECT_STR(trace, "first");
	EXPECT_INT(self.frame.line, 2);
	aw_task_unref(task);
	aw_future_unref(self.future);
	loop_end(loop);
}

static aw_status step_awaits_nothing(aw_resume *resume, void *ud) {
	(void)ud;
	EXPECT_INT(aw_resume_delegate(resume, NULL), AW_EBADHANDLE);
	EXPECT_INT(aw_resume_raise(resume, NULL), AW_EBADHANDLE);
	return aw_resume_await(resume, NULL);
}

static void a_step_that_awaits_nothing_fails_its_task(void) {
	aw_loop *loop = loop_begin(NULL);
	EXPECT_INT(drive(loop, step_awaits_nothing, "x", NULL), AW_EBADHANDLE);
	EXPECT_STR(trace, "~x");
	loop_end(loop);
}

static void a_coroutine_that_never_ran_is_destroyed_with_its_handle(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_coro *coro = NULL;
	REQUIRE(aw_coro_new(loop, step_value, "x", say_destroyed, &coro) == 0);
	EXPECT(aw_coro_ref(coro) == coro);
	aw_coro_unref(coro);
	EXPECT_STR(trace, "");
	aw_coro_unref(coro);
	EXPECT_STR(trace, "~x");
	EXPECT_INT(aw_coro_new(loop, NULL, "y", say_destroyed, &coro), -EINVAL);
	EXPECT_INT(aw_coro_new(loop, step_value, "z", say_destroyed, NULL), -EINVAL);
	EXPECT_STR(trace, "~x ~y ~z");
	loop_end(loop);
}

static aw_status step_deep(aw_resume *resume, void *ud) {
	frame *self = ud;
	if (self->frame.line) return aw_resume_status(resume);
	self->frame.line = 1;
	if (!self->inner) return aw_resume_await(resume, self->future);
	return aw_resume_delegate(resume, self->inner);
}

static void a_deep_chain_of_delegates_costs_no_stack(void) {
	enum { DEPTH = 50000 };
	aw_loop *loop = loop_begin(NULL);
	frame *frames = calloc(DEPTH, sizeof *frames);
	aw_coro *inner = NULL;
	REQUIRE(frames && aw_future_new(loop, &frames[0].future) == 0);
	for (size_t i = 0; i < DEPTH; i++) {
		frames[i].inner = inner;
		REQUIRE(aw_coro_new(loop, step_deep, &frames[i], NULL, &inner) == 0);
	}
	aw_task *task = NULL;
	REQUIRE(aw_task_spawn_coro(loop, inner, &task) == 0);
	EXPECT(aw_loop_run_once(loop, 0) >= 0);
	aw_coro_unref(inner);
	for (size_t i = 1; i < DEPTH; i++) aw_coro_unref(frames[i].inner);
	aw_future_fail(frames[0].future, -EIO, NULL);
	EXPECT_INT(aw_loop_run_until_complete(loop, aw_task_future(task), NULL), -EIO);
	aw_task_unref(task);
	aw_future_unref(frames[0].future);
	free(frames);
	loop_end(loop);
}

static void a_stale_coroutine_is_refused_by_who_awaits_it(void) {
	aw_loop *loop = loop_begin(NULL);
	frame self = {.frame = {0}};
	REQUIRE(aw_coro_new(loop, step_value, "v", say_destroyed, &self.inner) == 0);
	aw_task *task = spawn_steps(loop, step_delegates, &self);
#ifndef __SANITIZE_ADDRESS__ /* which unmaps every object when it is freed */
	aw_coro_unref(self.inner);
	EXPECT_INT(aw_loop_run_until_complete(loop, aw_task_future(task), NULL), AW_EBADHANDLE);
#else
	aw_loop_run_once(loop, 0);
	aw_coro_unref(self.inner);
#endif
	aw_task_unref(task);
	loop_end(loop);
}

CHECK_MAIN("step_coro", TEST(a_step_can_end_at_once_in_each_way),
           TEST(an_awaited_future_sends_its_value_or_its_error),
           TEST(cancellation_is_sent_and_may_be_handled),
           TEST(an_error_before_the_start_never_reaches_the_step),
           TEST(a_delegate_runs_in_the_same_task_and_gives_its_outcome),
           TEST(an_exit_that_the_outer_coroutine_handles_is_none),
           TEST(a_cancelled_delegate_lets_its_parent_decide),
           TEST(a_stackful_task_can_run_a_coroutine_object_once), TEST(a_coroutine_runs_once),
           TEST(the_first_answer_of_a_step_stands), TEST(a_step_that_awaits_nothing_fails_its_task),
           TEST(a_coroutine_that_never_ran_is_destroyed_with_its_handle),
           TEST(a_deep_chain_of_delegates_costs_no_stack),
           TEST(a_stale_coroutine_is_refused_by_who_awaits_it))
