/* SPDX-License-Identifier: MIT */
/* Labels: valgrind */
/*
 * Cancelling tasks: when the request reaches the task, who is cancelled first, and requests that are counted,
 * swallowed, withdrawn.
 */
#include "trace.h"

/* Runs a task until it waits. */
static aw_task *started(aw_task_fn fn, void *ud) {
	aw_task *task = NULL;
	EXPECT_INT(aw_task_spawn(NULL, fn, ud, NULL, &task), 0);
	EXPECT(aw_sleep(0) >= 0);
	return task;
}

static aw_status say_sleep(void *ud) {
	aw_status status = aw_sleep(3600 * AW_SECOND);
	trace_status(ud, status);
	return status;
}

static aw_status before_start(void *ud) {
	(void)ud;
	aw_task *task;
	aw_task_spawn(NULL, say_sleep, "body", say_destroyed, &task);
	EXPECT_INT(aw_task_cancel(task, NULL), 1);
	EXPECT_INT(aw_future_cancelled(aw_task_future(task)), 0);
	EXPECT_STR(trace, "");
	EXPECT(aw_sleep(0) >= 0);
	EXPECT_INT(aw_future_cancelled(aw_task_future(task)), 1);
	EXPECT_STR(trace, "~body");
	EXPECT_INT(aw_task_cancel(task, NULL), 0);
	aw_task_unref(task);
	return 0;
}

static void a_task_cancelled_before_its_start_never_runs(void) {
	EXPECT_INT(run_virtual(before_start), 0);
}

static aw_status await_and_tell(void *future) {
	aw_status status = aw_await(future, NULL);
	trace_status("thrown", status);
	return status;
}

static aw_status waiting(void *ud) {
	(void)ud;
	aw_future *future = future_of_running_loop();
	aw_task *task = started(await_and_tell, future);
	EXPECT_INT(aw_task_cancel(task, "why"), 1);
	EXPECT_INT(aw_future_cancelled(future), 1);
	EXPECT_INT(aw_future_done(aw_task_future(task)), 0);
	EXPECT_STR(trace, "");
	EXPECT_INT(aw_await(aw_task_future(task), NULL), AW_ECANCELLED);
	EXPECT_STR(aw_error_message(aw_caught()), "why");
	EXPECT_STR(trace, "thrown:AW_ECANCELLED");
	aw_task_unref(task);
	aw_future_unref(future);
	return 0;
}

static void what_a_task_awaits_is_cancelled_at_once_and_the_task_later(void) {
	EXPECT_INT(run_virtual(waiting), 0);
}

static aw_status completed_first(void *ud) {
	(void)ud;
	aw_future *future = future_of_running_loop();
	aw_task *task = started(await_and_tell, future);
	void *value = NULL;
	EXPECT(aw_future_set_result(future, "R", NULL) >= 0);
	EXPECT_INT(aw_task_cancel(task, NULL), 1);
	EXPECT(aw_sleep(0) >= 0);
	EXPECT_INT(aw_future_cancelled(aw_task_future(task)), 1);
	EXPECT_INT(aw_future_result(future, &value), 0);
	EXPECT_STR(value, "R");
	aw_task_unref(task);
	aw_future_unref(future);
	return 0;
}

static void a_cancel_between_completion_and_resume_wins(void) {
	EXPECT_INT(run_virtual(completed_first), 0);
	EXPECT_STR(trace, "thrown:AW_ECANCELLED");
}

static aw_status swallows(void *ud) {
	EXPECT_INT(aw_sleep(3600 * AW_SECOND), AW_ECANCELLED);
	EXPECT_INT(aw_sleep(AW_SECOND), 0);
	return aw_return(ud, NULL);
}

static aw_status swallowed(void *ud) {
	(void)ud;
	aw_task *task = started(swallows, "survived");
	void *value = NULL;
	aw_task_cancel(task, NULL);
	EXPECT_INT(aw_await(aw_task_future(task), &value), 0);
	EXPECT_STR(value, "survived");
	EXPECT_INT(aw_future_cancelled(aw_task_future(task)), 0);
	EXPECT_INT(aw_task_cancelling(task), 1);
	aw_task_unref(task);
	return 0;
}

static void a_swallowed_cancel_leaves_the_count_and_a_normal_end(void) {
	EXPECT_INT(run_virtual(swallowed), 0);
}

static aw_status cleans_up(void *ud) {
	(void)ud;
	trace_status("first", aw_sleep(3600 * AW_SECOND));
	trace_status("second", aw_sleep(3600 * AW_SECOND));
	return 0;
}

static aw_status twice(void *ud) {
	(void)ud;
	aw_task *task = started(cleans_up, NULL);
	aw_task_cancel(task, NULL);
	aw_task_cancel(task, NULL);
	EXPECT_INT(aw_task_cancelling(task), 2);
	EXPECT(aw_sleep(0) >= 0);
	EXPECT_STR(trace, "first:AW_ECANCELLED");
	EXPECT(aw_sleep(0) >= 0);
	EXPECT_STR(trace, "first:AW_ECANCELLED");
	aw_task_cancel(task, NULL);
	EXPECT(aw_sleep(0) >= 0);
	EXPECT_STR(trace, "first:AW_ECANCELLED second:AW_ECANCELLED");
	EXPECT_INT(aw_task_cancelling(task), 3);
	aw_task_unref(task);
	return 0;
}

static void two_requests_before_delivery_are_one_cancellation(void) {
	EXPECT_INT(run_virtual(twice), 0);
}

static aw_status cancels_itself(void *ud) {
	aw_task *self = aw_task_current();
	EXPECT_INT(aw_task_cancel(self, NULL), 1);
	trace_add("runs on");
	if (!ud) return aw_return("lost", say_destroyed);
	aw_future *done = future_of_running_loop();
	EXPECT(aw_future_set_result(done, NULL, NULL) >= 0);
	trace_status("done", aw_await(done, NULL));
	aw_future_unref(done);
	aw_status status = aw_sleep(0);
	trace_status("sleep", status);
	return status;
}

static aw_status self_cancel(void *ud) {
	(void)ud;
	aw_task *task = started(cancels_itself, "awaits");
	EXPECT_STR(trace, "runs on done:AW_OK");
	EXPECT_INT(aw_await(aw_task_future(task), NULL), AW_ECANCELLED);
	EXPECT_STR(trace, "runs on done:AW_OK sleep:AW_ECANCELLED");
	aw_task_unref(task);
	trace_reset();
	task = started(cancels_itself, NULL);
	EXPECT_INT(aw_future_cancelled(aw_task_future(task)), 1);
	EXPECT_STR(trace, "runs on ~lost");
	aw_task_unref(task);
	return 0;
}

static void a_task_that_cancels_itself_learns_at_the_next_real_suspension(void) {
	EXPECT_INT(run_virtual(self_cancel), 0);
}

static aw_status inner_cleans(void *ud) {
	aw_status status = aw_sleep(3600 * AW_SECOND);
	trace_add("inner");
	IGNORED(aw_sleep(AW_SECOND));
	trace_add("cleaned");
	return ud ? aw_return(ud, NULL) : status;
}

static aw_status outer_awaits(void *inner) {
	void *value = NULL;
	aw_status status = aw_await(inner, &value);
	trace_status("outer", status);
	if (value) trace_add(value);
	return status;
}

static aw_status chain(void *ud) {
	(void)ud;
	for (int keep = 0; keep < 2; keep++) {
		aw_task *inner = started(inner_cleans, keep ? "kept" : NULL);
		aw_task *outer = started(outer_awaits, aw_task_future(inner));
		EXPECT_INT(aw_task_cancel(outer, NULL), 1);
		EXPECT_INT(aw_task_cancelling(inner), 1);
		EXPECT_INT(aw_await(aw_task_future(outer), NULL), keep ? 0 : AW_ECANCELLED);
		EXPECT_INT(aw_task_cancelling(outer), 1);
		EXPECT_INT(aw_future_cancelled(aw_task_future(inner)), !keep);
		aw_task_unref(inner);
		aw_task_unref(outer);
	}
	return 0;
}

static void a_cancel_walks_the_chain_and_the_inner_task_decides(void) {
	EXPECT_INT(run_virtual(chain), 0);
	EXPECT_STR(trace, "inner cleaned outer:AW_ECANCELLED inner cleaned outer:AW_OK kept");
}

static aw_status raises_cancelled(void *ud) {
	(void)ud;
	return AW_ECANCELLED;
}

static aw_status by_hand(void *ud) {
	(void)ud;
	aw_task *task = started(raises_cancelled, NULL);
	EXPECT_INT(aw_future_cancelled(aw_task_future(task)), 1);
	EXPECT_INT(aw_task_cancelling(task), 0);
	aw_task_unref(task);
	return 0;
}

static void raising_a_cancellation_is_being_cancelled(void) {
	EXPECT_INT(run_virtual(by_hand), 0);
}

static aw_status withdraws(void *ud) {
	(void)ud;
	aw_task *self = aw_task_current();
	EXPECT_INT(aw_task_uncancel(self), 0);
	aw_task_cancel(self, NULL);
	aw_task_cancel(self, NULL);
	EXPECT_INT(aw_task_uncancel(self), 1);
	EXPECT_INT(aw_task_uncancel(self), 0);
	EXPECT_INT(aw_task_uncancel(self), 0);
	EXPECT_INT(aw_sleep(0), 0);
	return 0;
}

static void the_last_uncancel_withdraws_an_undelivered_request(void) {
	EXPECT_INT(run_virtual(withdraws), 0);
}

static aw_status timers_go(void *ud) {
	(void)ud;
	aw_task *task = started(sleep_long, NULL);
	EXPECT(aw_loop_deadline(aw_loop_current()) != AW_FOREVER);
	aw_task_cancel(task, NULL);
	EXPECT_INT(aw_loop_deadline(aw_loop_current()), AW_FOREVER);
	EXPECT(aw_sleep(0) >= 0);
	aw_task_unref(task);
	return 0;
}

static void cancelling_a_sleep_takes_its_timer_away(void) {
	EXPECT_INT(run_virtual(timers_go), 0);
}

static aw_status many_messages(void *ud) {
	(void)ud;
	aw_task *task = started(sleep_long, NULL);
	char text[] = "first";
	aw_task_cancel(task, text);
	text[0] = 'X';                  /* it was copied */
	aw_task_cancel(task, "second"); /* the first is already being delivered */
	EXPECT_INT(aw_await(aw_task_future(task), NULL), AW_ECANCELLED);
	EXPECT_STR(aw_error_message(aw_caught()), "first");
	aw_task_unref(task);
	return 0;
}

static void the_message_that_is_under_way_arrives(void) {
	EXPECT_INT(run_virtual(many_messages), 0);
}

static aw_status awaiters_of_each_other(void *ud) {
	aw_task **other = ud;
	return aw_await(aw_task_future(*other), NULL);
}

static aw_status circle(void *ud) {
	(void)ud;
	aw_task *a = NULL, *b = NULL;
	aw_task_spawn(NULL, awaiters_of_each_other, &b, NULL, &a);
	aw_task_spawn(NULL, awaiters_of_each_other, &a, NULL, &b);
	EXPECT(aw_sleep(0) >= 0);
	aw_task_unref(a);
	aw_task_unref(b);
	return 0;
}

static void tasks_that_await_each_other_end_with_their_loop(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_task *task;
	REQUIRE(aw_task_spawn(loop, circle, NULL, NULL, &task) == 0);
	EXPECT_INT(aw_loop_run_until_complete(loop, aw_task_future(task), NULL), 0);
	aw_task_unref(task);
	loop_end(loop);
}

static void tasks_that_await_each_other_can_be_cancelled(void) {
	/* aw_run() cancels them. CPython recurses infinitely here. */
	EXPECT_INT(run_virtual(circle), 0);
}

static aw_status awaits_gather_of_itself(void *ud) {
	aw_future **all = ud;
	EXPECT(aw_sleep(0) >= 0);
	aw_status status = aw_await(*all, NULL);
	trace_status("circle", status);
	return status;
}

static aw_status circle_through_gather(void *ud) {
	(void)ud;
	aw_future *all = NULL, *task = spawn(awaits_gather_of_itself, &all);
	EXPECT_INT(aw_gather(NULL, &task, 1, 0, &all), 0);
	EXPECT(aw_sleep(AW_MILLISECOND) >= 0);
	EXPECT_INT(aw_future_cancel(task, NULL), 1);
	EXPECT_INT(aw_await(all, NULL), AW_ECANCELLED);
	EXPECT_INT(aw_task_cancelling(aw_future_task(task)), 1);
	aw_future_unref(all);
	aw_future_unref(task);
	return 0;
}

static void a_circle_through_a_gather_can_be_cancelled(void) {
	EXPECT_INT(run_virtual(circle_through_gather), 0);
	EXPECT_STR(trace, "circle:AW_ECANCELLED");
}

enum { CHAIN = 20000 };

static aw_status awaits_the_next(aw_resume *resume, void *future) {
	if (aw_resume_status(resume) < 0) return aw_resume_raise(resume, aw_resume_error(resume));
	return aw_resume_await(resume, future);
}

static aw_status long_chain(void *ud) {
	(void)ud;
	aw_future **tasks = calloc(CHAIN, sizeof(aw_future *)), *never = future_of_running_loop();
	for (size_t i = 0; i < CHAIN; i++) {
		aw_coro *coro = NULL;
		aw_task *task = NULL;
		EXPECT_INT(aw_coro_new(NULL, awaits_the_next, i ? tasks[i - 1] : never, NULL, &coro), 0);
		EXPECT_INT(aw_task_spawn_coro(NULL, coro, &task), 0);
		aw_coro_unref(coro);
		tasks[i] = aw_task_future(task);
	}
	EXPECT(aw_sleep(AW_MILLISECOND) >= 0);
	EXPECT_INT(aw_future_cancel(tasks[CHAIN - 1], NULL), 1);
	EXPECT_INT(aw_await(tasks[CHAIN - 1], NULL), AW_ECANCELLED);
	EXPECT_INT(aw_future_cancelled(tasks[0]), 1);
	for (size_t i = 0; i < CHAIN; i++) aw_future_unref(tasks[i]);
	free(tasks);
	aw_future_unref(never);
	return 0;
}

static void a_chain_of_tasks_longer_than_a_stack_can_be_cancelled(void) {
	EXPECT_INT(run_virtual(long_chain), 0);
}

CHECK_MAIN("cancel", TEST(a_task_cancelled_before_its_start_never_runs),
           TEST(what_a_task_awaits_is_cancelled_at_once_and_the_task_later),
           TEST(a_cancel_between_completion_and_resume_wins),
           TEST(a_swallowed_cancel_leaves_the_count_and_a_normal_end),
           TEST(two_requests_before_delivery_are_one_cancellation),
           TEST(a_task_that_cancels_itself_learns_at_the_next_real_suspension),
           TEST(a_cancel_walks_the_chain_and_the_inner_task_decides),
           TEST(raising_a_cancellation_is_being_cancelled),
           TEST(the_last_uncancel_withdraws_an_undelivered_request),
           TEST(cancelling_a_sleep_takes_its_timer_away), TEST(the_message_that_is_under_way_arrives),
           TEST(tasks_that_await_each_other_end_with_their_loop),
           TEST(tasks_that_await_each_other_can_be_cancelled),
           TEST(a_circle_through_a_gather_can_be_cancelled),
           TEST(a_chain_of_tasks_longer_than_a_stack_can_be_cancelled))
