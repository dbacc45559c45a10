/* SPDX-License-Identifier: MIT */
/* Lock and event: fairness, no lost wake-up, no suspension without need. */
#include "trace.h"

static aw_lock *lock;
static aw_event *event;

static aw_status take(void *name) {
	aw_status status = aw_lock_acquire(lock);
	if (status < 0) {
		trace_status(name, status);
		return status;
	}
	trace_add(name);
	EXPECT(aw_sleep(0) >= 0);
	return aw_lock_release(lock);
}

static aw_status fair(void *ud) {
	(void)ud;
	EXPECT_INT(aw_lock_new(NULL, &lock), 0);
	EXPECT_INT(aw_lock_acquire(lock), 0);
	aw_future *a = spawn(take, "a"), *b = spawn(take, "b");
	EXPECT(aw_sleep(0) >= 0);
	aw_lock_release(lock);
	EXPECT_INT(aw_lock_locked(lock), 0);
	EXPECT_INT(aw_lock_try_acquire(lock), -EAGAIN); /* a waiter was woken but has not run yet */
	take("new");
	IGNORED(aw_await(a, NULL));
	IGNORED(aw_await(b, NULL));
	EXPECT_STR(trace, "a b new");
	aw_future_unref(a);
	aw_future_unref(b);
	aw_lock_unref(lock);
	return 0;
}

static void a_newcomer_queues_behind_the_woken(void) {
	EXPECT_INT(run_virtual(fair), 0);
}

static aw_status cancelled(void *ud) {
	(void)ud;
	EXPECT_INT(aw_lock_new(NULL, &lock), 0);
	EXPECT(aw_lock_acquire(lock) >= 0);
	aw_future *a = spawn(take, "a"), *b = spawn(take, "b");
	EXPECT(aw_sleep(0) >= 0);
	aw_lock_release(lock);
	aw_task_cancel(aw_future_task(a), NULL);
	IGNORED(aw_await(a, NULL));
	IGNORED(aw_await(b, NULL));
	EXPECT_STR(trace, "a:AW_ECANCELLED b");
	EXPECT_INT(aw_lock_locked(lock), 0);
	aw_future_unref(a);
	aw_future_unref(b);
	aw_lock_unref(lock);
	return 0;
}

static void a_woken_waiter_that_is_cancelled_wakes_the_next(void) {
	EXPECT_INT(run_virtual(cancelled), 0);
}

static aw_status other(void *name) {
	trace_add(name);
	return 0;
}

static aw_status uncontended(void *ud) {
	(void)ud;
	EXPECT_INT(aw_lock_new(NULL, &lock), 0);
	aw_future *task = spawn(other, "other");
	EXPECT_INT(aw_lock_acquire(lock), 0);
	EXPECT_STR(trace, "");
	EXPECT_INT(aw_lock_release(lock), 0);
	EXPECT_INT(aw_lock_release(lock), -EPERM);
	IGNORED(aw_await(task, NULL));
	aw_future_unref(task);
	aw_lock_unref(lock);
	return 0;
}

static void a_free_lock_is_taken_without_suspending(void) {
	EXPECT_INT(run_virtual(uncontended), 0);
}

static aw_status wait_event(void *name) {
	trace_status(name, aw_event_wait(event));
	return 0;
}

static aw_status set_and_clear(void *ud) {
	(void)ud;
	EXPECT_INT(aw_event_new(NULL, &event), 0);
	aw_future *tasks[] = {spawn(wait_event, "a"), spawn(wait_event, "b"), spawn(wait_event, "c")};
	EXPECT(aw_sleep(0) >= 0);
	aw_event_set(event);
	aw_event_clear(event);
	EXPECT(aw_sleep(0) >= 0);
	EXPECT_STR(trace, "a:AW_OK b:AW_OK c:AW_OK");
	EXPECT_INT(aw_event_is_set(event), 0);
	for (size_t i = 0; i < 3; i++) aw_future_unref(tasks[i]);
	aw_event_unref(event);
	return 0;
}

static void setting_an_event_wakes_all_even_if_it_is_cleared_at_once(void) {
	EXPECT_INT(run_virtual(set_and_clear), 0);
}

static void outside_a_task_a_wait_is_refused(void) {
	aw_loop *loop = loop_begin("virtual");
	EXPECT_INT(aw_lock_new(loop, &lock), 0);
	EXPECT_INT(aw_lock_acquire(lock), AW_ENOTASK);
	EXPECT_INT(aw_lock_try_acquire(lock), 0);
	aw_lock_unref(lock);
	loop_end(loop);
}

CHECK_MAIN("lock", TEST(a_newcomer_queues_behind_the_woken),
           TEST(a_woken_waiter_that_is_cancelled_wakes_the_next),
           TEST(a_free_lock_is_taken_without_suspending),
           TEST(setting_an_event_wakes_all_even_if_it_is_cleared_at_once),
           TEST(outside_a_task_a_wait_is_refused))
