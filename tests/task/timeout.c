/* SPDX-License-Identifier: MIT */
/* Labels: backends valgrind */
/* Timeout scopes and wait_for: what is cancelled, the resulting error, and which of two requests wins. */
#include "trace.h"

static int64_t seconds(void) {
	return aw_loop_time(aw_loop_current()) / AW_SECOND;
}

static aw_timeout *scope(int64_t delay) {
	aw_timeout *self = NULL;
	EXPECT_INT(aw_timeout_new(NULL, delay, &self), 0);
	EXPECT_INT(aw_timeout_enter(self), 0);
	return self;
}

static aw_status plain(void *ud) {
	(void)ud;
	aw_timeout *limit = scope(AW_SECOND);
	aw_status body = aw_sleep(3600 * AW_SECOND);
	EXPECT_INT(body, AW_ECANCELLED);
	EXPECT_INT(aw_timeout_expired(limit), 1);
	EXPECT_INT(aw_timeout_exit(limit, body), AW_ETIMEOUT);
	EXPECT_INT(aw_timeout_expired(limit), 1);
	EXPECT_INT(aw_task_cancelling(aw_task_current()), 0);
	EXPECT_INT(aw_timeout_exit(limit, body), AW_EINVALIDSTATE);
	EXPECT_INT(aw_timeout_enter(limit), AW_EINVALIDSTATE);
	EXPECT_INT(aw_sleep(0), 0);
	aw_timeout_unref(limit);
	return 0;
}

static void a_scope_cancels_its_body_and_calls_it_a_timeout(void) {
	EXPECT_INT(run_virtual(plain), 0);
}

static aw_status in_time(void *ud) {
	(void)ud;
	aw_timeout *limit = scope(2 * AW_SECOND);
	EXPECT_INT(aw_timeout_exit(limit, aw_sleep(AW_SECOND)), 0);
	EXPECT_INT(aw_timeout_expired(limit), 0);
	aw_timeout_unref(limit);
	EXPECT_INT(aw_loop_deadline(aw_loop_current()), AW_FOREVER);
	EXPECT_INT(aw_sleep(10 * AW_SECOND), 0);
	return 0;
}

static void a_body_in_time_leaves_no_timer(void) {
	EXPECT_INT(run_virtual(in_time), 0);
}

static aw_status nested(void *ud) {
	for (int outer_first = 0; outer_first < 2; outer_first++) {
		aw_timeout *outer = scope(outer_first ? AW_SECOND : 5 * AW_SECOND),
				   *inner = scope(outer_first ? 5 * AW_SECOND : AW_SECOND);
		aw_status status = aw_timeout_exit(inner, aw_sleep(100 * AW_SECOND));
		EXPECT_INT(status, outer_first ? AW_ECANCELLED : AW_ETIMEOUT);
		EXPECT_INT(aw_timeout_expired(inner), !outer_first);
		EXPECT_INT(aw_timeout_expired(outer), outer_first);
		if (!outer_first) status = aw_sleep(AW_SECOND);
		EXPECT_INT(aw_timeout_exit(outer, status), outer_first ? AW_ETIMEOUT : 0);
		aw_timeout_unref(inner);
		aw_timeout_unref(outer);
	}
	(void)ud;
	return 0;
}

static void of_nested_scopes_the_one_that_expired_times_out(void) {
	EXPECT_INT(run_virtual(nested), 0);
}

static aw_status both_at_once(void *ud) {
	(void)ud;
	int64_t when = aw_loop_time(aw_loop_current()) + AW_SECOND;
	aw_timeout *outer = NULL, *inner = NULL;
	EXPECT_INT(aw_timeout_new_at(NULL, when, &outer), 0);
	EXPECT_INT(aw_timeout_new_at(NULL, when, &inner), 0);
	EXPECT_INT(aw_timeout_enter(outer), 0);
	EXPECT_INT(aw_timeout_enter(inner), 0);
	EXPECT_INT(aw_timeout_when(inner), when);
	aw_status status = aw_timeout_exit(inner, aw_sleep(100 * AW_SECOND));
	EXPECT_INT(status, AW_ECANCELLED);
	EXPECT_INT(aw_timeout_exit(outer, status), AW_ETIMEOUT);
	EXPECT(aw_timeout_expired(inner) && aw_timeout_expired(outer));
	EXPECT_INT(aw_task_cancelling(aw_task_current()), 0);
	aw_timeout_unref(inner);
	aw_timeout_unref(outer);
	return 0;
}

static void when_both_expire_at_once_the_outer_one_times_out(void) {
	EXPECT_INT(run_virtual(both_at_once), 0);
}

static aw_status limited_body(void *ud) {
	aw_timeout *limit = scope(2 * AW_SECOND);
	aw_status status = aw_timeout_exit(limit, aw_sleep(100 * AW_SECOND));
	trace_status(ud, status);
	aw_timeout_unref(limit);
	return status;
}

static aw_status cancel_task(aw_loop *loop, void *task) {
	(void)loop;
	return aw_future_cancel(task, NULL) < 0;
}

static aw_status external(void *ud) {
	(void)ud;
	aw_future *task = spawn(limited_body, "early");
	IGNORED(aw_sleep(AW_SECOND));
	aw_future_cancel(task, NULL);
	EXPECT_INT(aw_await(task, NULL), AW_ECANCELLED);
	EXPECT_INT(aw_task_cancelling(aw_future_task(task)), 1);
	aw_future_unref(task);
	/* In the same iteration in which the scope expires. */
	task = spawn(limited_body, "same tick");
	EXPECT(aw_sleep(0) >= 0);
	aw_loop_call_at(aw_loop_current(), aw_loop_time(aw_loop_current()) + 2 * AW_SECOND, cancel_task, task,
	                NULL, NULL);
	EXPECT_INT(aw_await(task, NULL), AW_ECANCELLED);
	EXPECT_INT(aw_task_cancelling(aw_future_task(task)), 1);
	aw_future_unref(task);
	return 0;
}

static void an_external_cancel_stays_one_even_in_the_same_tick(void) {
	EXPECT_INT(run_virtual(external), 0);
	EXPECT_STR(trace, "early:AW_ECANCELLED same tick:AW_ECANCELLED");
}

static aw_status rescheduled(void *ud) {
	(void)ud;
	aw_timeout *limit = NULL;
	int64_t began = seconds();
	EXPECT_INT(aw_timeout_new(NULL, AW_FOREVER, &limit), 0);
	EXPECT_INT(aw_timeout_when(limit), AW_FOREVER);
	EXPECT_INT(aw_timeout_reschedule(limit, AW_SECOND), AW_EINVALIDSTATE);
	EXPECT_INT(aw_timeout_enter(limit), 0);
	EXPECT_INT(aw_timeout_reschedule(limit, aw_loop_time(aw_loop_current()) + 9 * AW_SECOND), 0);
	EXPECT_INT(aw_timeout_reschedule(limit, aw_loop_time(aw_loop_current()) + AW_SECOND), 0);
	EXPECT_INT(aw_timeout_exit(limit, aw_sleep(100 * AW_SECOND)), AW_ETIMEOUT);
	EXPECT_INT(seconds() - began, 1);
	EXPECT_INT(aw_timeout_reschedule(limit, AW_SECOND), AW_EINVALIDSTATE);
	aw_timeout_unref(limit);
	limit = scope(AW_SECOND);
	EXPECT_INT(aw_timeout_reschedule(limit, AW_FOREVER), 0);
	EXPECT_INT(aw_sleep(3 * AW_SECOND), 0);
	/* A deadline in the past fires in the next iteration. */
	EXPECT_INT(aw_timeout_reschedule(limit, aw_loop_time(aw_loop_current()) - AW_SECOND), 0);
	/* Moved away again before its turn. */
	EXPECT_INT(aw_timeout_reschedule(limit, aw_loop_time(aw_loop_current()) + 5 * AW_SECOND), 0);
	EXPECT_INT(aw_sleep(AW_SECOND), 0);
	EXPECT_INT(aw_timeout_reschedule(limit, 0), 0);
	EXPECT_INT(aw_timeout_exit(limit, aw_sleep(100 * AW_SECOND)), AW_ETIMEOUT);
	EXPECT_INT(seconds() - began, 5);
	aw_timeout_unref(limit);
	return 0;
}

static void a_deadline_can_be_moved_both_ways_and_removed(void) {
	EXPECT_INT(run_virtual(rescheduled), 0);
}

static aw_status nothing_at_all(void *ud) {
	(void)ud;
	aw_timeout *limit = scope(0);
	EXPECT_INT(aw_timeout_exit(limit, 0), 0);
	EXPECT_INT(aw_timeout_expired(limit), 0);
	aw_timeout_unref(limit);
	EXPECT_INT(aw_sleep(0), 0); /* the exited one does not fire */
	for (int i = 0; i < 2; i++) {
		limit = scope(i ? -AW_SECOND : 0);
		EXPECT_INT(aw_timeout_exit(limit, aw_sleep(AW_SECOND)), AW_ETIMEOUT);
		aw_timeout_unref(limit);
	}
	return 0;
}

static void a_limit_of_nothing_fires_at_the_first_suspension(void) {
	EXPECT_INT(run_virtual(nothing_at_all), 0);
}

static aw_status swallowed(void *ud) {
	(void)ud;
	aw_timeout *limit = scope(AW_SECOND);
	EXPECT_INT(aw_sleep(9 * AW_SECOND), AW_ECANCELLED);
	EXPECT_INT(aw_timeout_exit(limit, 0), 0);
	EXPECT_INT(aw_timeout_expired(limit), 1);
	EXPECT_INT(aw_task_cancelling(aw_task_current()), 0);
	aw_timeout_unref(limit);
	limit = scope(AW_SECOND);
	EXPECT_INT(aw_sleep(9 * AW_SECOND), AW_ECANCELLED);
	EXPECT_INT(aw_timeout_exit(limit, -EIO), -EIO);
	aw_timeout_unref(limit);
	return 0;
}

static void a_body_that_swallows_or_answers_otherwise_is_believed(void) {
	EXPECT_INT(run_virtual(swallowed), 0);
}

static void outside_a_task_there_is_nothing_to_limit(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_timeout *limit = NULL;
	REQUIRE(aw_timeout_new(loop, AW_SECOND, &limit) == 0);
	EXPECT_INT(aw_timeout_enter(limit), AW_ENOTASK);
	EXPECT_INT(aw_timeout_exit(limit, 0), AW_EINVALIDSTATE);
	EXPECT_INT(aw_timeout_new(loop, 0, NULL), -EINVAL);
	aw_timeout_unref(limit);
	loop_end(loop);
}

/* --- wait_for --- */

/* Sleeps long; the word says what it does when cancelled. */
static aw_status sleeper(void *ud) {
	const char *word = ud;
	aw_status status = aw_sleep(3600 * AW_SECOND);
	trace_status("in", status);
	if (*word == 'c') IGNORED(aw_sleep(2 * AW_SECOND));
	if (*word == 'v') return aw_return("late value", NULL);
	if (*word == 'e') return aw_raise(-EIO, "other");
	return status;
}

static aw_status wait_for_program(void *ud) {
	(void)ud;
	aw_future *task = spawn(sleeper, "c");
	void *value = NULL;
	int64_t began = seconds();
	EXPECT_INT(aw_wait_for(task, AW_SECOND, NULL), AW_ETIMEOUT);
	EXPECT_INT(seconds() - began, 3);
	EXPECT_INT(aw_future_cancelled(task), 1);
	aw_future_unref(task);
	task = spawn(sleeper, "v");
	EXPECT_INT(aw_wait_for(task, AW_SECOND, &value), 0);
	EXPECT_STR(value, "late value");
	aw_future_unref(task);
	task = spawn(sleeper, "e");
	EXPECT_INT(aw_wait_for(task, AW_SECOND, &value), -EIO);
	EXPECT_STR(aw_error_message(aw_caught()), "other");
	aw_future_unref(task);
	EXPECT_INT(aw_task_cancelling(aw_task_current()), 0);
	EXPECT_INT(aw_loop_deadline(aw_loop_current()), AW_FOREVER);
	return 0;
}

static void wait_for_waits_for_what_it_cancels_and_believes_it(void) {
	EXPECT_INT(run_virtual(wait_for_program), 0);
}

static aw_status no_time(void *ud) {
	(void)ud;
	aw_future *done = future_of_running_loop(), *task;
	void *value = NULL;
	EXPECT(aw_future_set_result(done, "1", NULL) >= 0);
	EXPECT_INT(aw_wait_for(done, 0, &value), 0);
	EXPECT_STR(value, "1");
	aw_future_unref(done);
	for (int64_t limit = 0; limit > -2; limit--) {
		task = spawn(sleeper, "");
		EXPECT_INT(aw_wait_for(task, limit, NULL), AW_ETIMEOUT);
		EXPECT_INT(aw_future_cancelled(task), 1);
		aw_future_unref(task);
	}
	EXPECT_STR(trace, ""); /* never started */
	task = spawn(sleeper, "v");
	EXPECT(aw_sleep(0) >= 0);
	EXPECT_INT(aw_wait_for(task, 0, &value), 0);
	EXPECT_STR(value, "late value");
	aw_future_unref(task);
	return 0;
}

static void without_time_only_what_is_done_is_given(void) {
	EXPECT_INT(run_virtual(no_time), 0);
}

static aw_status waits_for(void *future) {
	void *value = NULL;
	aw_status status = aw_wait_for(future, 5 * AW_SECOND, &value);
	trace_status("wait_for", status);
	return status;
}

static aw_status outer_cancel(void *ud) {
	(void)ud;
	aw_future *inner = spawn(sleeper, "c"), *waiter = spawn(waits_for, inner);
	IGNORED(aw_sleep(AW_SECOND));
	aw_future_cancel(waiter, NULL);
	EXPECT_INT(aw_await(waiter, NULL), AW_ECANCELLED);
	EXPECT_INT(aw_future_cancelled(inner), 1);
	aw_future_unref(waiter);
	aw_future_unref(inner);
	/* In the same tick in which the future completes: the cancel wins. */
	inner = future_of_running_loop();
	waiter = spawn(waits_for, inner);
	EXPECT(aw_sleep(0) >= 0);
	EXPECT(aw_future_set_result(inner, NULL, NULL) >= 0);
	aw_future_cancel(waiter, NULL);
	EXPECT_INT(aw_await(waiter, NULL), AW_ECANCELLED);
	aw_future_unref(waiter);
	aw_future_unref(inner);
	return 0;
}

static void cancelling_who_waits_for_cancels_and_awaits_the_future(void) {
	EXPECT_INT(run_virtual(outer_cancel), 0);
	EXPECT_STR(trace, "in:AW_ECANCELLED wait_for:AW_ECANCELLED wait_for:AW_ECANCELLED");
}

static aw_status finish(aw_loop *loop, void *future) {
	(void)loop;
	return aw_future_set_result(future, "res", NULL);
}

static aw_status photo_finish(void *ud) {
	(void)ud;
	aw_future *inner = future_of_running_loop();
	void *value = NULL;
	/* Its timer is older than the scope's, so it fires first with an equal deadline. */
	aw_loop_call_at(aw_loop_current(), aw_loop_time(aw_loop_current()) + AW_SECOND, finish, inner, NULL,
	                NULL);
	EXPECT_INT(aw_wait_for(inner, AW_SECOND, NULL), AW_ETIMEOUT);
	EXPECT_INT(aw_future_result(inner, &value), 0);
	EXPECT_STR(value, "res");
	aw_future_unref(inner);
	return 0;
}

static void a_completion_in_the_tick_of_the_timeout_is_a_timeout(void) {
	EXPECT_INT(run_virtual(photo_finish), 0);
}

static aw_status composed(void *ud) {
	(void)ud;
	aw_timeout *limit = scope(5 * AW_SECOND);
	aw_future *task = spawn(sleeper, "");
	aw_status status = aw_wait_for(task, AW_SECOND, NULL);
	EXPECT_INT(status, AW_ETIMEOUT);
	EXPECT_INT(aw_timeout_exit(limit, status), AW_ETIMEOUT);
	EXPECT_INT(aw_timeout_expired(limit), 0);
	aw_timeout_unref(limit);
	aw_future_unref(task);
	task = spawn(sleeper, "");
	limit = scope(AW_SECOND);
	status = aw_wait_for(task, 5 * AW_SECOND, NULL);
	EXPECT_INT(status, AW_ECANCELLED);
	EXPECT_INT(aw_timeout_exit(limit, status), AW_ETIMEOUT);
	aw_timeout_unref(limit);
	aw_future_unref(task);
	return 0;
}

static void wait_for_and_scopes_compose(void) {
	EXPECT_INT(run_virtual(composed), 0);
}

static aw_status real_time(void *ud) {
	(void)ud;
	aw_future *task = spawn(sleeper, "");
	int64_t began = aw_loop_time(aw_loop_current());
	EXPECT_INT(aw_wait_for(task, 5 * AW_MILLISECOND, NULL), AW_ETIMEOUT);
	EXPECT(aw_loop_time(aw_loop_current()) - began >= 5 * AW_MILLISECOND);
	aw_future_unref(task);
	return 0;
}

static void a_limit_holds_on_this_backends_clock(void) {
	trace_reset();
	EXPECT_INT(aw_run(NULL, real_time, NULL, NULL, NULL), 0);
	EXPECT_INT(aw_debug_live_handles(), 0);
}

CHECK_MAIN("timeout", TEST(a_scope_cancels_its_body_and_calls_it_a_timeout),
           TEST(a_body_in_time_leaves_no_timer), TEST(of_nested_scopes_the_one_that_expired_times_out),
           TEST(when_both_expire_at_once_the_outer_one_times_out),
           TEST(an_external_cancel_stays_one_even_in_the_same_tick),
           TEST(a_deadline_can_be_moved_both_ways_and_removed),
           TEST(a_limit_of_nothing_fires_at_the_first_suspension),
           TEST(a_body_that_swallows_or_answers_otherwise_is_believed),
           TEST(outside_a_task_there_is_nothing_to_limit),
           TEST(wait_for_waits_for_what_it_cancels_and_believes_it),
           TEST(without_time_only_what_is_done_is_given),
           TEST(cancelling_who_waits_for_cancels_and_awaits_the_future),
           TEST(a_completion_in_the_tick_of_the_timeout_is_a_timeout), TEST(wait_for_and_scopes_compose),
           TEST(a_limit_holds_on_this_backends_clock))
