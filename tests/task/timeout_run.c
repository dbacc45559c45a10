/* SPDX-License-Identifier: MIT */
/* Labels: valgrind */
/*
 * A timeout scope around a function: in time, too late, other failures and cancellations, and nested scopes.
 */
#include "trace.h"

static aw_status sleeps(void *seconds) {
	aw_status status = aw_sleep(*(int *)seconds * AW_SECOND);
	trace_status("slept", status);
	return status;
}

static aw_status fails(void *ud) {
	(void)ud;
	return aw_raise(-EIO, "no luck");
}

static aw_status counts(void *ud) {
	(void)ud;
	return 3;
}

static aw_status swallows(void *ud) {
	EXPECT_INT(sleeps(ud), AW_ECANCELLED);
	return 0;
}

static int three = 3;

static aw_status basics(void *ud) {
	(void)ud;
	EXPECT_INT(aw_timeout_run(4 * AW_SECOND, sleeps, &three), 0);
	EXPECT_INT(aw_timeout_run(2 * AW_SECOND, sleeps, &three), AW_ETIMEOUT);
	EXPECT_INT(aw_error_status(aw_caught()), AW_ETIMEOUT);
	EXPECT_INT(aw_timeout_run(AW_FOREVER, sleeps, &three), 0);
	EXPECT_INT(aw_timeout_run(0, sleeps, &three), AW_ETIMEOUT);
	EXPECT_STR(trace, "slept:AW_OK slept:AW_ECANCELLED slept:AW_OK slept:AW_ECANCELLED");
	EXPECT_INT(aw_timeout_run(AW_SECOND, fails, NULL), -EIO);
	EXPECT_STR(aw_error_message(aw_caught()), "no luck");
	EXPECT_INT(aw_timeout_run(AW_SECOND, counts, NULL), 3);
	EXPECT_INT(aw_timeout_run(2 * AW_SECOND, swallows, &three), 0);
	EXPECT_INT(aw_task_cancelling(aw_task_current()), 0);
	EXPECT_INT(aw_timeout_run(AW_SECOND, NULL, NULL), -EINVAL);
	return 0;
}

static void the_body_has_its_time_and_no_more(void) {
	EXPECT_INT(run_virtual(basics), 0);
	EXPECT_INT(aw_timeout_run(AW_SECOND, counts, NULL), AW_ENOTASK);
}

static aw_status inner(void *ud) {
	trace_status("inner", aw_timeout_run(4 * AW_SECOND, sleeps, ud));
	aw_status status = aw_sleep(0);
	trace_status("after", status);
	return status;
}

/* As in Python: a body that swallows the cancellation of the outer scope continues. */
static aw_status nested_swallowed(void *ud) {
	(void)ud;
	int nine = 9;
	EXPECT_INT(aw_timeout_run(2 * AW_SECOND, inner, &nine), 0);
	EXPECT_STR(trace, "slept:AW_ECANCELLED inner:AW_ECANCELLED after:AW_OK");
	return 0;
}

static void the_outer_scope_may_end_first(void) {
	EXPECT_INT(run_virtual(nested_swallowed), 0);
}

static aw_status limited(void *ud) {
	return aw_timeout_run(9 * AW_SECOND, sleeps, ud);
}

static aw_status cancelled(void *ud) {
	(void)ud;
	aw_future *task = spawn(limited, &three);
	EXPECT(aw_sleep(AW_SECOND) >= 0);
	EXPECT_INT(aw_future_cancel(task, NULL), 1);
	EXPECT_INT(aw_await_take(task, NULL, NULL), AW_ECANCELLED);
	return 0;
}

static void a_cancellation_from_outside_is_no_timeout(void) {
	EXPECT_INT(run_virtual(cancelled), 0);
}

CHECK_MAIN("timeout run", TEST(the_body_has_its_time_and_no_more), TEST(the_outer_scope_may_end_first),
           TEST(a_cancellation_from_outside_is_no_timeout))
