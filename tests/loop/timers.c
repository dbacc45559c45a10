/* SPDX-License-Identifier: MIT */
/* Labels: backends valgrind */
/*
 * The visible behaviour of timers: never early, in order of their deadlines, last in an iteration, and
 * removed when cancelled.
 */
#include "trace.h"

static void timers_run_behind_what_was_queued(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_loop_call_later(loop, 0, say, "later0", NULL, NULL);
	aw_loop_call_at(loop, aw_loop_time(loop) - 2 * AW_SECOND, say, "past", NULL, NULL);
	aw_loop_call_later(loop, -AW_SECOND, say, "negative", NULL, NULL);
	aw_loop_call_soon(loop, say, "soon", NULL, NULL);
	EXPECT_INT(aw_loop_run_once(loop, -1), 4);
	EXPECT_STR(trace, "soon past negative later0");
	loop_end(loop);
}

static void equal_deadlines_run_in_order_of_the_calls(void) {
	static const char *const words[] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
	aw_loop *loop = loop_begin(NULL);
	int64_t when = aw_loop_time(loop) + AW_MILLISECOND;
	for (size_t i = 0; i < 10; i++) aw_loop_call_at(loop, when, say, (void *)(uintptr_t)words[i], NULL, NULL);
	while (aw_loop_deadline(loop) != AW_FOREVER) EXPECT(aw_loop_run_once(loop, -1) >= 0);
	EXPECT_STR(trace, "0 1 2 3 4 5 6 7 8 9");
	loop_end(loop);
}

static aw_status dawdle(aw_loop *loop, void *ud) {
	(void)ud;
	int64_t until = aw_loop_time(loop) + 4 * AW_MILLISECOND;
	for (int i = 0; i < 1000000 && aw_loop_time(loop) < until; i++) continue;
	trace_add("dawdled");
	return 0;
}

static void overdue_timers_run_once_each_by_deadline_in_one_iteration(void) {
	aw_loop *loop = loop_begin(NULL);
	int64_t now = aw_loop_time(loop);
	aw_loop_call_at(loop, now + 3 * AW_MILLISECOND, say, "3", NULL, NULL);
	aw_loop_call_at(loop, now + 1 * AW_MILLISECOND, say, "1", NULL, NULL);
	aw_loop_call_at(loop, now + 2 * AW_MILLISECOND, say, "2", NULL, NULL);
	aw_loop_call_soon(loop, dawdle, NULL, NULL, NULL);
	while (aw_loop_deadline(loop) != AW_FOREVER) EXPECT(aw_loop_run_once(loop, -1) >= 0);
	EXPECT_STR(trace, "dawdled 1 2 3");
	loop_end(loop);
}

typedef struct punctual {
	int64_t when;
	int *left;
	int *early;
} punctual;

static aw_status look_at_the_clock(aw_loop *loop, void *ud) {
	punctual *self = ud;
	if (aw_loop_time(loop) < self->when) ++*self->early;
	return --*self->left ? 0 : aw_loop_stop(loop);
}

static void a_timer_never_fires_early(void) {
	aw_loop *loop = loop_begin(NULL);
	enum { COUNT = 40 };
	static punctual timers[COUNT];
	int left = COUNT, early = 0;
	for (int i = 0; i < COUNT; i++) {
		timers[i] = (punctual){aw_loop_time(loop) + i * 137 * AW_MICROSECOND, &left, &early};
		aw_loop_call_at(loop, timers[i].when, look_at_the_clock, &timers[i], NULL, NULL);
	}
	EXPECT_INT(aw_loop_run_forever(loop), 0);
	EXPECT_INT(left, 0);
	EXPECT_INT(early, 0);
	loop_end(loop);
}

static void a_cancelled_timer_leaves_at_once_and_keeps_its_deadline(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_handle *handle;
	REQUIRE(aw_loop_call_later(loop, AW_SECOND, say, "x", say_destroyed, &handle) == 0);
	int64_t when = aw_handle_when(handle);
	EXPECT(when > aw_loop_time(loop));
	EXPECT_INT(aw_handle_cancel(handle), 0);
	EXPECT_INT(aw_loop_deadline(loop), AW_FOREVER);
	EXPECT_STR(trace, "");
	EXPECT_INT(aw_loop_pending(loop), 1);
	EXPECT(aw_loop_run_once(loop, -1) >= 0);
	EXPECT_STR(trace, "~x");
	EXPECT_INT(aw_handle_when(handle), when);
	aw_handle_unref(handle);
	loop_end(loop);
}

static void a_cancelled_timer_with_nothing_to_destroy_leaves_no_work(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_handle *handle, *next;
	REQUIRE(aw_loop_call_later(loop, AW_SECOND, say, "x", NULL, &handle) == 0);
	REQUIRE(aw_loop_call_later(loop, 2 * AW_SECOND, say, "y", NULL, &next) == 0);
	int64_t when = aw_handle_when(handle);
	EXPECT_INT(aw_handle_cancel(handle), 0);
	EXPECT_INT(aw_handle_cancel(handle), 0);
	EXPECT_INT(aw_loop_pending(loop), 0);
	EXPECT_INT(aw_loop_deadline(loop), aw_handle_when(next));
	EXPECT_INT(aw_handle_cancelled(handle), 1);
	EXPECT_INT(aw_handle_when(handle), when);
	aw_handle_unref(handle);
	EXPECT_INT(aw_handle_cancel(next), 0);
	EXPECT_INT(aw_loop_pending(loop), 0);
	EXPECT_INT(aw_loop_deadline(loop), AW_FOREVER);
	aw_handle_unref(next);
	EXPECT(aw_loop_run_once(loop, 0) >= 0);
	EXPECT_STR(trace, "");
	loop_end(loop);
}

static aw_status cancel(aw_loop *loop, void *handle) {
	(void)loop;
	trace_add("cancels");
	return aw_handle_cancel(*(aw_handle **)handle);
}

static void a_timer_that_is_due_can_still_be_cancelled_in_its_batch(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_handle *second = NULL;
	int64_t now = aw_loop_time(loop);
	aw_loop_call_at(loop, now, cancel, &second, NULL, NULL);
	REQUIRE(aw_loop_call_at(loop, now, say, "never", say_destroyed, &second) == 0);
	EXPECT(aw_loop_run_once(loop, -1) >= 0);
	EXPECT_STR(trace, "cancels ~never");
	aw_handle_unref(second);
	loop_end(loop);
}

static void a_cancel_after_it_fired_disturbs_nothing(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_handle *fired;
	REQUIRE(aw_loop_call_later(loop, 0, say, "a", say_destroyed, &fired) == 0);
	EXPECT(aw_loop_run_once(loop, -1) >= 0);
	aw_loop_call_later(loop, 0, say, "b", NULL, NULL);
	EXPECT_INT(aw_handle_cancel(fired), 0);
	EXPECT(aw_loop_run_once(loop, -1) >= 0);
	EXPECT_STR(trace, "a ~a b");
	aw_handle_unref(fired);
	loop_end(loop);
}

static aw_status reschedule(aw_loop *loop, void *ud) {
	int *left = ud;
	trace_add("tick");
	return --*left ? aw_loop_call_later(loop, 0, reschedule, ud, NULL, NULL) : 0;
}

static void a_timer_of_nothing_set_by_a_timer_waits_for_the_next_iteration(void) {
	aw_loop *loop = loop_begin(NULL);
	int left = 2;
	aw_loop_call_later(loop, 0, reschedule, &left, NULL, NULL);
	EXPECT_INT(aw_loop_run_once(loop, -1), 1);
	EXPECT_STR(trace, "tick");
	EXPECT_INT(aw_loop_run_once(loop, -1), 1);
	EXPECT_STR(trace, "tick tick");
	loop_end(loop);
}

static void the_farthest_deadlines_are_never_and_overflow_nothing(void) {
	aw_loop *loop = loop_begin(NULL);
	EXPECT_INT(aw_loop_call_later(loop, AW_FOREVER, say, "x", say_destroyed, NULL), 0);
	EXPECT_INT(aw_loop_call_later(loop, AW_FOREVER - 1, say, "y", say_destroyed, NULL), 0);
	EXPECT_INT(aw_loop_call_at(loop, INT64_MIN, say, "past", NULL, NULL), 0);
	EXPECT_INT(aw_loop_call_later(loop, INT64_MIN, say, "past", NULL, NULL), 0);
	EXPECT(aw_loop_run_once(loop, 0) >= 0);
	EXPECT_STR(trace, "past past");
	loop_end(loop);
	EXPECT_STR(trace, "past past ~x ~y");
}

static aw_status an_hour(void *ud) {
	(void)ud;
	int64_t began = aw_loop_time(aw_loop_current());
	EXPECT_INT(aw_sleep(3600 * AW_SECOND), 0);
	EXPECT_INT(aw_loop_time(aw_loop_current()) - began, 3600 * AW_SECOND);
	return 0;
}

static void under_virtual_time_an_hour_is_exactly_an_hour(void) {
	EXPECT_INT(run_virtual(an_hour), 0);
}

CHECK_MAIN("timers", TEST(timers_run_behind_what_was_queued), TEST(equal_deadlines_run_in_order_of_the_calls),
           TEST(overdue_timers_run_once_each_by_deadline_in_one_iteration), TEST(a_timer_never_fires_early),
           TEST(a_cancelled_timer_leaves_at_once_and_keeps_its_deadline),
           TEST(a_cancelled_timer_with_nothing_to_destroy_leaves_no_work),
           TEST(a_timer_that_is_due_can_still_be_cancelled_in_its_batch),
           TEST(a_cancel_after_it_fired_disturbs_nothing),
           TEST(a_timer_of_nothing_set_by_a_timer_waits_for_the_next_iteration),
           TEST(the_farthest_deadlines_are_never_and_overflow_nothing),
           TEST(under_virtual_time_an_hour_is_exactly_an_hour))
