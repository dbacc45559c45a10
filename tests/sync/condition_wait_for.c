/* SPDX-License-Identifier: MIT */
/* The condition's acquire and release, and waiting for a predicate. */
#include "trace.h"

typedef struct box {
	aw_condition *condition;
	int level, asked;
} box;

static aw_status is_full(void *ud) {
	box *self = ud;
	self->asked++;
	EXPECT_INT(aw_condition_locked(self->condition), 1);
	return self->level < 0 ? self->level : self->level >= 2 ? self->level : 0;
}

static aw_status waits(void *ud) {
	box *self = ud;
	EXPECT_INT(aw_condition_acquire(self->condition), 0);
	aw_status status = aw_condition_wait_for(self->condition, is_full, self);
	trace_number("waited", status);
	EXPECT_INT(aw_condition_locked(self->condition), 1);
	EXPECT_INT(aw_condition_release(self->condition), 0);
	return status;
}

/* The same as a coroutine: the lock is the parent's. */
static aw_status waits_coro(void *ud) {
	box *self = ud;
	aw_coro *coro = NULL;
	void *value = NULL;
	EXPECT_INT(aw_condition_acquire_coro(self->condition, &coro), 0);
	EXPECT_INT(aw_await_coro(coro, NULL), 0);
	aw_coro_unref(coro);
	EXPECT_INT(aw_condition_wait_for_coro(self->condition, is_full, self, NULL, &coro), 0);
	aw_status status = aw_await_coro(coro, &value);
	trace_number("waited", status < 0 ? status : (int)(intptr_t)value);
	aw_coro_unref(coro);
	EXPECT_INT(aw_condition_locked(self->condition), 1);
	EXPECT_INT(aw_condition_release(self->condition), 0);
	return status;
}

static void raise_level(box *self, int level) {
	EXPECT(aw_sleep(AW_SECOND) >= 0);
	EXPECT_INT(aw_condition_acquire(self->condition), 0);
	self->level = level;
	EXPECT_INT(aw_condition_notify_all(self->condition), 0);
	EXPECT_INT(aw_condition_release(self->condition), 0);
}

static box box_new(void) {
	box self = {0};
	EXPECT_INT(aw_condition_new(NULL, NULL, &self.condition), 0);
	return self;
}

static aw_task_fn both[] = {waits, waits_coro};

static aw_status until_it_holds(void *ud) {
	(void)ud;
	for (int i = 0; i < 2; i++) {
		box it = box_new();
		trace_reset();
		aw_future *waiter = spawn(both[i], &it);
		raise_level(&it, 1);
		EXPECT_INT(aw_future_done(waiter), 0);
		raise_level(&it, 3);
		EXPECT(aw_await_take(waiter, NULL, NULL) >= 0);
		EXPECT_STR(trace, "waited:3");
		EXPECT_INT(it.asked, 3);
		/* The predicate is already true: no wait. */
		waiter = spawn(both[i], &it);
		EXPECT(aw_await_take(waiter, NULL, NULL) >= 0);
		EXPECT_INT(it.asked, 4);
		aw_condition_unref(it.condition);
	}
	return 0;
}

static void it_waits_until_the_predicate_holds(void) {
	EXPECT_INT(run_virtual(until_it_holds), 0);
}

static aw_status predicate_fails(void *ud) {
	(void)ud;
	for (int i = 0; i < 2; i++) {
		box it = box_new();
		aw_future *waiter = spawn(both[i], &it);
		raise_level(&it, -EIO);
		EXPECT_INT(aw_await_take(waiter, NULL, NULL), -EIO);
		EXPECT_INT(aw_condition_locked(it.condition), 0);
		aw_condition_unref(it.condition);
	}
	return 0;
}

static void a_failing_predicate_ends_the_wait(void) {
	EXPECT_INT(run_virtual(predicate_fails), 0);
}

static aw_status cancelled(void *ud) {
	(void)ud;
	for (int i = 0; i < 2; i++) {
		box it = box_new();
		aw_future *waiter = spawn(both[i], &it);
		EXPECT(aw_sleep(AW_SECOND) >= 0);
		EXPECT_INT(aw_future_cancel(waiter, NULL), 1);
		EXPECT_INT(aw_await_take(waiter, NULL, NULL), AW_ECANCELLED);
		EXPECT_INT(aw_condition_locked(it.condition), 0);
		aw_condition_unref(it.condition);
	}
	return 0;
}

static void a_cancelled_wait_has_the_lock(void) {
	EXPECT_INT(run_virtual(cancelled), 0);
}

static aw_status never(void *ud) {
	(void)ud;
	return 0;
}

static aw_status refused(void *ud) {
	(void)ud;
	box it = box_new();
	aw_coro *coro = NULL;
	EXPECT_INT(aw_condition_release(it.condition), -EPERM);
	EXPECT_INT(aw_condition_locked(it.condition), 0);
	EXPECT_INT(aw_condition_wait_for(it.condition, never, NULL), -EPERM);
	EXPECT_INT(aw_condition_wait_for(it.condition, NULL, NULL), -EINVAL);
	EXPECT_INT(aw_condition_wait_for_coro(it.condition, NULL, "a", say_destroyed, &coro), -EINVAL);
	EXPECT_INT(aw_condition_wait_for_coro(it.condition, never, "b", say_destroyed, NULL), -EINVAL);
	EXPECT_STR(trace, "~a ~b");
	EXPECT_INT(aw_condition_wait_for_coro(it.condition, never, "c", say_destroyed, &coro), 0);
	EXPECT_INT(aw_await_coro(coro, NULL), -EPERM);
	aw_coro_unref(coro);
	EXPECT_STR(trace, "~a ~b ~c");
	EXPECT_INT(aw_condition_acquire(NULL), AW_EBADHANDLE);
	aw_condition_unref(it.condition);
	return 0;
}

static void without_the_lock_it_is_refused(void) {
	EXPECT_INT(run_virtual(refused), 0);
	EXPECT_INT(aw_condition_acquire(NULL), AW_ENOTASK);
	EXPECT_INT(aw_condition_wait_for(NULL, never, NULL), AW_ENOTASK);
}

CHECK_MAIN("condition wait_for", TEST(it_waits_until_the_predicate_holds),
           TEST(a_failing_predicate_ends_the_wait), TEST(a_cancelled_wait_has_the_lock),
           TEST(without_the_lock_it_is_refused))
