/* SPDX-License-Identifier: MIT */
/* Labels: backends valgrind */
/* A callback that the program keeps, schedules again and again, and moves. */
#include "trace.h"

static aw_handle *kept(aw_loop *loop, const char *word) {
	aw_handle *handle = NULL;
	EXPECT_INT(aw_handle_new(loop, say, (void *)(uintptr_t)word, NULL, &handle), 0);
	return handle;
}

static void run_until(aw_loop *loop, int64_t when) {
	while (aw_loop_time(loop) < when) EXPECT(aw_loop_run_once(loop, AW_MILLISECOND) >= 0);
	EXPECT(aw_loop_run_once(loop, 0) >= 0);
}

static void it_runs_once_for_each_time_that_it_is_scheduled(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_handle *handle = kept(loop, "kept");
	EXPECT_INT(aw_loop_run_once(loop, 0), 0);
	for (int i = 0; i < 2; i++) {
		EXPECT_INT(aw_handle_call_soon(handle), 0);
		aw_loop_call_soon(loop, say, "other", NULL, NULL);
		EXPECT_INT(aw_handle_call_soon(handle), 0); /* keeps its place */
		EXPECT_INT(aw_loop_run_once(loop, 0), 2);
	}
	EXPECT_STR(trace, "kept other kept other");
	aw_handle_unref(handle);
	loop_end(loop);
}

static void it_is_a_timer_that_moves(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_handle *handle = kept(loop, "kept"), *other = kept(loop, "other");
	int64_t now = aw_loop_time(loop);
	EXPECT_INT(aw_handle_call_at(handle, now + AW_SECOND), 0);
	EXPECT_INT(aw_handle_call_at(other, now + 2 * AW_MILLISECOND), 0);
	EXPECT_INT(aw_handle_call_at(handle, now + AW_MILLISECOND), 0); /* earlier */
	EXPECT(aw_loop_deadline(loop) == now + AW_MILLISECOND);
	EXPECT_INT(aw_handle_call_at(handle, now + 3 * AW_MILLISECOND), 0); /* later */
	EXPECT(aw_loop_deadline(loop) == now + 2 * AW_MILLISECOND);
	EXPECT(aw_handle_when(handle) == now + 3 * AW_MILLISECOND);
	run_until(loop, now + 3 * AW_MILLISECOND);
	EXPECT_STR(trace, "other kept");
	EXPECT(aw_loop_deadline(loop) == AW_FOREVER);
	EXPECT_INT(aw_handle_call_at(handle, now + AW_SECOND), 0);
	EXPECT_INT(aw_handle_call_soon(handle), 0); /* in place of the time */
	EXPECT(aw_loop_deadline(loop) == AW_FOREVER);
	EXPECT_INT(aw_loop_run_once(loop, 0), 1);
	EXPECT_STR(trace, "other kept kept");
	aw_handle_unref(handle);
	aw_handle_unref(other);
	loop_end(loop);
}

static void a_queued_one_can_be_put_off(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_handle *handle = kept(loop, "kept");
	int64_t when = aw_loop_time(loop) + 2 * AW_MILLISECOND;
	EXPECT_INT(aw_handle_call_soon(handle), 0);
	EXPECT_INT(aw_handle_call_at(handle, when), 0);
	EXPECT(aw_handle_when(handle) == when);
	EXPECT(aw_loop_run_once(loop, 0) >= 0);
	EXPECT_STR(trace, "");
	EXPECT(aw_loop_deadline(loop) == when);
	run_until(loop, when);
	EXPECT_STR(trace, "kept");
	/* Put off and then not: it keeps its place. */
	EXPECT_INT(aw_handle_call_soon(handle), 0);
	EXPECT_INT(aw_handle_call_at(handle, when + AW_SECOND), 0);
	EXPECT_INT(aw_handle_call_soon(handle), 0);
	EXPECT_INT(aw_loop_run_once(loop, 0), 1);
	EXPECT_STR(trace, "kept kept");
	EXPECT(aw_loop_deadline(loop) == AW_FOREVER);
	aw_handle_unref(handle);
	loop_end(loop);
}

static void a_cancelled_one_can_be_scheduled_again(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_handle *handle = kept(loop, "kept");
	EXPECT_INT(aw_handle_cancel(handle), 0);
	EXPECT_INT(aw_handle_cancelled(handle), 1);
	EXPECT_INT(aw_handle_call_soon(handle), 0);
	EXPECT_INT(aw_handle_cancelled(handle), 0);
	EXPECT_INT(aw_handle_cancel(handle), 0);
	EXPECT(aw_loop_run_once(loop, 0) >= 0);
	EXPECT_STR(trace, "");
	EXPECT_INT(aw_handle_call_at(handle, aw_loop_time(loop) + AW_SECOND), 0);
	EXPECT_INT(aw_handle_cancel(handle), 0);
	EXPECT(aw_loop_deadline(loop) == AW_FOREVER);
	EXPECT_INT(aw_handle_call_soon(handle), 0);
	EXPECT_INT(aw_loop_run_once(loop, 0), 1);
	EXPECT_STR(trace, "kept");
	aw_handle_unref(handle);
	loop_end(loop);
}

typedef struct again {
	aw_handle *handle;
	int left;
} again;

static aw_status schedule_again(aw_loop *loop, void *ud) {
	(void)loop;
	again *self = ud;
	if (--self->left) return aw_handle_call_soon(self->handle);
	aw_handle_unref(self->handle); /* the last reference, in its own callback */
	return 0;
}

static void count_destroy(void *ud) {
	((again *)ud)->left = -1;
}

static void the_callback_may_schedule_and_drop_it(void) {
	aw_loop *loop = loop_begin(NULL);
	again self = {.left = 3};
	EXPECT_INT(aw_handle_new(loop, schedule_again, &self, count_destroy, &self.handle), 0);
	EXPECT_INT(aw_handle_call_soon(self.handle), 0);
	for (int i = 0; i < 3; i++) {
		EXPECT_INT(self.left, 3 - i);
		EXPECT_INT(aw_loop_run_once(loop, 0), 1);
	}
	EXPECT_INT(self.left, -1);
	loop_end(loop);
}

static void one_that_is_pending_when_the_loop_closes_is_released(void) {
	for (int as_timer = 0; as_timer < 3; as_timer++) {
		aw_loop *loop = loop_begin(NULL);
		again self = {.left = 3};
		EXPECT_INT(aw_handle_new(loop, schedule_again, &self, count_destroy, &self.handle), 0);
		if (as_timer != 1) EXPECT_INT(aw_handle_call_soon(self.handle), 0);
		if (as_timer) EXPECT_INT(aw_handle_call_at(self.handle, aw_loop_time(loop) + AW_SECOND), 0);
		aw_handle_unref(self.handle);
		loop_end(loop);
		EXPECT_INT(self.left, -1);
	}
}

static void a_pending_timer_of_the_loop_can_be_moved(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_handle *timer = NULL, *soon = NULL;
	int64_t now = aw_loop_time(loop);
	aw_loop_call_at(loop, now + AW_SECOND, say, "timer", NULL, &timer);
	aw_loop_call_soon(loop, say, "soon", NULL, &soon);
	EXPECT_INT(aw_handle_call_at(timer, now + AW_MILLISECOND), 0);
	EXPECT_INT(aw_handle_call_soon(timer), AW_EINVALIDSTATE);
	EXPECT_INT(aw_handle_call_at(soon, now), AW_EINVALIDSTATE);
	run_until(loop, now + AW_MILLISECOND);
	EXPECT_STR(trace, "soon timer");
	EXPECT_INT(aw_handle_call_at(timer, now), AW_EINVALIDSTATE);
	aw_handle_unref(timer);
	aw_handle_unref(soon);
	loop_end(loop);
	EXPECT_INT(aw_handle_new(NULL, say, NULL, NULL, &timer), AW_ENOLOOP);
}

CHECK_MAIN("kept_callbacks", TEST(it_runs_once_for_each_time_that_it_is_scheduled),
           TEST(it_is_a_timer_that_moves), TEST(a_queued_one_can_be_put_off),
           TEST(a_cancelled_one_can_be_scheduled_again), TEST(the_callback_may_schedule_and_drop_it),
           TEST(one_that_is_pending_when_the_loop_closes_is_released),
           TEST(a_pending_timer_of_the_loop_can_be_moved))
