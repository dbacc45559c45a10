/* SPDX-License-Identifier: MIT */
/* Condition: a wait reacquires the lock however it ends, and no notification is lost. */
#include "trace.h"

static aw_condition *condition;

static aw_status wait_in(void *name) {
	aw_lock *lock = aw_condition_lock(condition);
	EXPECT(aw_lock_acquire(lock) >= 0);
	aw_status status = aw_condition_wait(condition);
	trace_status(name, status);
	trace_number("locked", aw_lock_locked(lock));
	aw_lock_release(lock);
	return status;
}

static void begin(void) {
	EXPECT_INT(aw_condition_new(NULL, NULL, &condition), 0);
}

static void turns(int count) {
	while (count--) EXPECT(aw_sleep(0) >= 0);
}

static aw_status in_order(void *ud) {
	(void)ud;
	begin();
	aw_future *a = spawn(wait_in, "a"), *b = spawn(wait_in, "b");
	turns(2);
	EXPECT_INT(aw_condition_notify(condition, 1), -EPERM);
	EXPECT(aw_lock_acquire(aw_condition_lock(condition)) >= 0);
	EXPECT_INT(aw_condition_notify_all(condition), 0);
	turns(2);
	trace_add("notifier");
	aw_lock_release(aw_condition_lock(condition));
	IGNORED(aw_await(a, NULL));
	IGNORED(aw_await(b, NULL));
	EXPECT_STR(trace, "notifier a:AW_OK locked:1 b:AW_OK locked:1");
	aw_future_unref(a);
	aw_future_unref(b);
	aw_condition_unref(condition);
	return 0;
}

static void the_notified_return_one_by_one_with_the_lock(void) {
	EXPECT_INT(run_virtual(in_order), 0);
}

static aw_status cancelled(void *ud) {
	(void)ud;
	begin();
	aw_future *a = spawn(wait_in, "a");
	turns(2);
	EXPECT(aw_lock_acquire(aw_condition_lock(condition)) >= 0);
	aw_task_cancel(aw_future_task(a), NULL);
	turns(3);
	EXPECT_INT(aw_future_done(a), 0); /* it can't have the lock yet */
	aw_task_cancel(aw_future_task(a), "again");
	turns(3);
	EXPECT_INT(aw_future_done(a), 0);
	aw_lock_release(aw_condition_lock(condition));
	EXPECT_INT(aw_await(a, NULL), AW_ECANCELLED);
	EXPECT_STR(aw_error_message(aw_caught()), "again");
	EXPECT_STR(trace, "a:AW_ECANCELLED locked:1");
	aw_future_unref(a);
	aw_condition_unref(condition);
	return 0;
}

static void a_cancelled_wait_takes_the_lock_first(void) {
	EXPECT_INT(run_virtual(cancelled), 0);
}

static aw_status passed_on(void *ud) {
	(void)ud;
	begin();
	aw_future *a = spawn(wait_in, "a"), *b = spawn(wait_in, "b");
	turns(2);
	EXPECT(aw_lock_acquire(aw_condition_lock(condition)) >= 0);
	aw_condition_notify(condition, 1);
	aw_task_cancel(aw_future_task(a), NULL);
	aw_lock_release(aw_condition_lock(condition));
	EXPECT_INT(aw_await(a, NULL), AW_ECANCELLED);
	EXPECT_INT(aw_await(b, NULL), 0);
	EXPECT_STR(trace, "a:AW_ECANCELLED locked:1 b:AW_OK locked:1");
	aw_future_unref(a);
	aw_future_unref(b);
	aw_condition_unref(condition);
	return 0;
}

static void a_notification_given_to_the_cancelled_goes_to_the_next(void) {
	EXPECT_INT(run_virtual(passed_on), 0);
}

static aw_status without_lock(void *ud) {
	(void)ud;
	begin();
	EXPECT_INT(aw_condition_wait(condition), -EPERM);
	aw_condition_unref(condition);
	return 0;
}

static void waiting_without_the_lock_is_refused(void) {
	EXPECT_INT(run_virtual(without_lock), 0);
}

CHECK_MAIN("condition", TEST(the_notified_return_one_by_one_with_the_lock),
           TEST(a_cancelled_wait_takes_the_lock_first),
           TEST(a_notification_given_to_the_cancelled_goes_to_the_next),
           TEST(waiting_without_the_lock_is_refused))
