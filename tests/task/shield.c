/* SPDX-License-Identifier: MIT */
/* Labels: valgrind */
/* shield: what it protects, in which direction it does not protect, and later failures. */
#include "trace.h"

static aw_status inner_body(void *ud) {
	aw_status status = aw_sleep(3 * AW_SECOND);
	trace_status("inner", status);
	if (status < 0) return status;
	return ud ? aw_raise(-EIO, ud) : aw_return("in", say_destroyed);
}

static aw_status outer_body(void *shield) {
	aw_status status = aw_await(shield, NULL);
	trace_status("outer", status);
	return status;
}

static aw_status note(aw_loop *loop, const aw_report *report, void *ud) {
	(void)loop;
	trace_add(aw_report_message(report));
	EXPECT(aw_report_future(report) == *(aw_future **)ud);
	return 0;
}

static aw_status awaiter_cancelled(void *ud) {
	(void)ud;
	aw_future *inner = spawn(inner_body, NULL), *shield = NULL;
	EXPECT_INT(aw_shield(inner, &shield), 0);
	EXPECT(shield != inner);
	aw_future *outer = spawn(outer_body, shield);
	IGNORED(aw_sleep(AW_SECOND));
	EXPECT_INT(aw_future_cancel(outer, NULL), 1);
	EXPECT_INT(aw_await(outer, NULL), AW_ECANCELLED);
	EXPECT_INT(aw_future_done(inner), 0);
	void *value = NULL;
	EXPECT_INT(aw_await(inner, &value), 0);
	EXPECT_STR(value, "in");
	aw_future_unref(outer);
	aw_future_unref(shield);
	aw_future_unref(inner);
	return 0;
}

static void cancelling_the_awaiter_leaves_the_inner_task_alone(void) {
	EXPECT_INT(run_virtual(awaiter_cancelled), 0);
	EXPECT_STR(trace, "outer:AW_ECANCELLED inner:AW_OK ~in");
}

static aw_status inner_cancelled(void *ud) {
	(void)ud;
	aw_future *inner = spawn(inner_body, NULL), *shield = NULL;
	EXPECT_INT(aw_shield(inner, &shield), 0);
	IGNORED(aw_sleep(AW_SECOND));
	aw_future_cancel(inner, "why");
	EXPECT_INT(aw_await(shield, NULL), AW_ECANCELLED);
	EXPECT_INT(aw_future_cancelled(shield), 1);
	EXPECT_STR(aw_error_message(aw_caught()), "why");
	aw_future_unref(shield);
	aw_future_unref(inner);
	return 0;
}

static void cancelling_the_inner_one_cancels_the_shield(void) {
	EXPECT_INT(run_virtual(inner_cancelled), 0);
}

static aw_status of_done(void *ud) {
	(void)ud;
	aw_future *inner = future_of_running_loop(), *shield = NULL;
	EXPECT(aw_future_set_result(inner, NULL, NULL) >= 0);
	EXPECT_INT(aw_shield(inner, &shield), 0);
	EXPECT(shield == inner);
	aw_future_unref(shield);
	aw_future_unref(inner);
	return 0;
}

static void a_future_that_is_done_is_its_own_shield(void) {
	EXPECT_INT(run_virtual(of_done), 0);
}

static aw_status value_shared(void *ud) {
	(void)ud;
	aw_future *inner = spawn(inner_body, NULL), *shield = NULL;
	void *value = NULL;
	EXPECT_INT(aw_shield(inner, &shield), 0);
	EXPECT_INT(aw_await(shield, NULL), 0);
	aw_future_unref(inner);
	EXPECT(aw_sleep(0) >= 0);
	EXPECT_INT(aw_future_result(shield, &value), 0);
	EXPECT_STR(value, "in");
	EXPECT_STR(trace, "inner:AW_OK");
	aw_future_unref(shield);
	return 0;
}

static void the_shield_keeps_the_value_it_shares(void) {
	EXPECT_INT(run_virtual(value_shared), 0);
	EXPECT_STR(trace, "inner:AW_OK ~in");
}

static aw_status failure(void *ud) {
	(void)ud;
	aw_future *inner = spawn(inner_body, "boom"), *shield = NULL;
	EXPECT_INT(aw_shield(inner, &shield), 0);
	EXPECT_INT(aw_await(shield, NULL), -EIO);
	EXPECT_STR(aw_error_message(aw_caught()), "boom");
	aw_future_unref(shield);
	aw_future_unref(inner);
	return 0;
}

static void a_failure_passes_through(void) {
	EXPECT_INT(run_virtual(failure), 0);
}

static aw_status late_failure(void *ud) {
	(void)ud;
	static aw_future *inner;
	aw_future *shield = NULL;
	inner = spawn(inner_body, "boom");
	EXPECT_INT(aw_shield(inner, &shield), 0);
	aw_loop_set_exception_handler(aw_loop_current(), note, &inner, NULL);
	aw_future_cancel(shield, NULL);
	aw_future_unref(shield);
	IGNORED(aw_sleep(5 * AW_SECOND));
	EXPECT_STR(trace, "inner:AW_OK exception in shielded future");
	aw_future_unref(inner);
	return 0;
}

static void a_failure_after_the_cancellation_is_reported_at_once_and_once(void) {
	EXPECT_INT(run_virtual(late_failure), 0);
	EXPECT_STR(trace, "inner:AW_OK exception in shielded future");
}

static aw_status with_wait_for(void *ud) {
	(void)ud;
	aw_future *inner = spawn(inner_body, NULL), *shield = NULL;
	EXPECT_INT(aw_shield(inner, &shield), 0);
	EXPECT_INT(aw_wait_for(shield, AW_SECOND, NULL), AW_ETIMEOUT);
	EXPECT_INT(aw_future_cancelled(shield), 1);
	EXPECT_INT(aw_future_done(inner), 0);
	aw_future_unref(shield);
	/* Only one path is protected. */
	aw_future *outer = spawn(outer_body, inner);
	EXPECT(aw_sleep(0) >= 0);
	aw_future_cancel(outer, NULL);
	EXPECT(aw_sleep(AW_MILLISECOND) >= 0);
	EXPECT_INT(aw_future_cancelled(inner), 1);
	aw_future_unref(outer);
	aw_future_unref(inner);
	return 0;
}

static void a_limit_cancels_the_shield_alone(void) {
	EXPECT_INT(run_virtual(with_wait_for), 0);
	EXPECT_STR(trace, "inner:AW_ECANCELLED outer:AW_ECANCELLED");
}

static aw_status all_dropped(void *ud) {
	(void)ud;
	aw_future *inner = future_of_running_loop(), *shield = NULL;
	EXPECT_INT(aw_shield(inner, &shield), 0);
	aw_future_unref(inner);
	aw_future_unref(shield);
	return 0;
}

static void a_shield_of_a_forgotten_future_goes_with_it(void) {
	EXPECT_INT(run_virtual(all_dropped), 0);
}

CHECK_MAIN("shield", TEST(cancelling_the_awaiter_leaves_the_inner_task_alone),
           TEST(cancelling_the_inner_one_cancels_the_shield), TEST(a_future_that_is_done_is_its_own_shield),
           TEST(the_shield_keeps_the_value_it_shares), TEST(a_failure_passes_through),
           TEST(a_failure_after_the_cancellation_is_reported_at_once_and_once),
           TEST(a_limit_cancels_the_shield_alone), TEST(a_shield_of_a_forgotten_future_goes_with_it))
