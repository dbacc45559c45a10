/* SPDX-License-Identifier: MIT */
/* Labels: valgrind */
/* call_soon: order, iterations, and handles that are cancelled early, late and twice. */
#include "trace.h"

static aw_status say_and_schedule(aw_loop *loop, void *word) {
	static const char *const again[] = {"a2", "b2"};
	trace_add(word);
	const char *next = again[*(const char *)word - 'a'];
	return aw_loop_call_soon(loop, say, (void *)(uintptr_t)next, NULL, NULL);
}

static void what_a_callback_schedules_runs_in_the_next_iteration(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_loop_call_soon(loop, say_and_schedule, "a", NULL, NULL);
	aw_loop_call_soon(loop, say_and_schedule, "b", NULL, NULL);
	aw_loop_call_soon(loop, say, "c", NULL, NULL);
	EXPECT_INT(aw_loop_run_once(loop, 0), 3);
	EXPECT_STR(trace, "a b c");
	EXPECT_INT(aw_loop_run_once(loop, 0), 2);
	EXPECT_STR(trace, "a b c a2 b2");
	EXPECT_INT(aw_loop_run_once(loop, 0), 0);
	loop_end(loop);
}

static void a_callback_is_destroyed_right_after_it_ran(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_loop_call_soon(loop, say, "a", say_destroyed, NULL);
	aw_loop_call_soon(loop, say, "b", say_destroyed, NULL);
	EXPECT_STR(trace, "");
	EXPECT(aw_loop_run_once(loop, 0) >= 0);
	EXPECT_STR(trace, "a ~a b ~b");
	loop_end(loop);
}

static void a_cancelled_callback_is_destroyed_in_the_next_dispatch(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_handle *handle;
	REQUIRE(aw_loop_call_soon(loop, say, "x", say_destroyed, &handle) == 0);
	aw_loop_call_soon(loop, say, "y", NULL, NULL);
	EXPECT_INT(aw_handle_cancelled(handle), 0);
	EXPECT_INT(aw_handle_cancel(handle), 0);
	EXPECT_INT(aw_handle_cancel(handle), 0);
	EXPECT_INT(aw_handle_cancelled(handle), 1);
	EXPECT_STR(trace, "");
	EXPECT(aw_loop_run_once(loop, 0) >= 0);
	EXPECT_STR(trace, "~x y");
	EXPECT_INT(aw_handle_cancel(handle), 0);
	loop_settle(loop);
	EXPECT_STR(trace, "~x y");
	aw_handle_unref(handle);
	loop_end(loop);
}

static aw_status cancel(aw_loop *loop, void *handle) {
	(void)loop;
	trace_add("cancels");
	return aw_handle_cancel(*(aw_handle **)handle);
}

static void an_earlier_callback_of_the_batch_can_cancel_a_later_one(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_handle *later = NULL;
	aw_loop_call_soon(loop, cancel, &later, NULL, NULL);
	REQUIRE(aw_loop_call_soon(loop, say, "never", say_destroyed, &later) == 0);
	aw_loop_call_soon(loop, say, "y", NULL, NULL);
	EXPECT(aw_loop_run_once(loop, 0) >= 0);
	EXPECT_STR(trace, "cancels ~never y");
	aw_handle_unref(later);
	loop_end(loop);
}

static void a_cancel_after_the_run_only_shows_in_cancelled(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_handle *handle;
	REQUIRE(aw_loop_call_soon(loop, say, "ran", say_destroyed, &handle) == 0);
	EXPECT(aw_loop_run_once(loop, 0) >= 0);
	EXPECT_INT(aw_handle_cancelled(handle), 0);
	EXPECT_INT(aw_handle_cancel(handle), 0);
	EXPECT_INT(aw_handle_cancelled(handle), 1);
	loop_settle(loop);
	EXPECT_STR(trace, "ran ~ran");
	aw_handle_unref(handle);
	loop_end(loop);
}

static aw_status cancel_self(aw_loop *loop, void *handle) {
	(void)loop;
	trace_add("self");
	return aw_handle_cancel(*(aw_handle **)handle);
}

static void a_callback_may_cancel_its_own_handle(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_handle *handle = NULL;
	REQUIRE(aw_loop_call_soon(loop, cancel_self, &handle, NULL, &handle) == 0);
	loop_settle(loop);
	EXPECT_STR(trace, "self");
	aw_handle_unref(handle);
	REQUIRE(aw_loop_call_later(loop, 0, cancel_self, &handle, NULL, &handle) == 0);
	loop_settle(loop);
	EXPECT_STR(trace, "self self");
	aw_handle_unref(handle);
	loop_end(loop);
}

static void a_dropped_handle_stays_scheduled(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_handle *handle;
	REQUIRE(aw_loop_call_soon(loop, say, "a", say_destroyed, &handle) == 0);
	EXPECT(aw_handle_ref(handle) == handle);
	EXPECT_INT(aw_handle_when(handle), 0);
	aw_handle_unref(handle);
	aw_handle_unref(handle);
	EXPECT(aw_loop_run_once(loop, 0) >= 0);
	EXPECT_STR(trace, "a ~a");
	loop_end(loop);
}

static void a_refused_callback_is_destroyed_before_the_call_returns(void) {
	aw_loop *loop = loop_begin(NULL);
	EXPECT_INT(aw_loop_call_soon(loop, NULL, "a", say_destroyed, NULL), -EINVAL);
	EXPECT_INT(aw_loop_call_soon(NULL, say, "b", say_destroyed, NULL), AW_EBADHANDLE);
	EXPECT_INT(aw_loop_call_later(loop, 1, NULL, "c", say_destroyed, NULL), -EINVAL);
	EXPECT_INT(aw_loop_call_soon_threadsafe(loop, NULL, "d", say_destroyed), -EINVAL);
	EXPECT_STR(trace, "~a ~b ~c ~d");
	loop_settle(loop);
	EXPECT_STR(trace, "~a ~b ~c ~d");
	loop_end(loop);
}

static aw_status post_again(aw_loop *loop, void *word) {
	trace_add(word);
	return aw_loop_call_soon_threadsafe(loop, say, "posted", NULL);
}

static void a_post_from_the_loops_own_thread_waits_for_the_next_iteration(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_loop_call_soon_threadsafe(loop, post_again, "first", NULL);
	aw_loop_call_soon(loop, say, "soon", NULL, NULL);
	EXPECT_INT(aw_loop_run_once(loop, -1), 2);
	/* One queue, as in asyncio: a callback posted first runs before one queued later. */
	EXPECT_STR(trace, "first soon");
	EXPECT_INT(aw_loop_run_once(loop, -1), 1);
	EXPECT_STR(trace, "first soon posted");
	loop_end(loop);
}

CHECK_MAIN("call_soon", TEST(what_a_callback_schedules_runs_in_the_next_iteration),
           TEST(a_callback_is_destroyed_right_after_it_ran),
           TEST(a_cancelled_callback_is_destroyed_in_the_next_dispatch),
           TEST(an_earlier_callback_of_the_batch_can_cancel_a_later_one),
           TEST(a_cancel_after_the_run_only_shows_in_cancelled), TEST(a_callback_may_cancel_its_own_handle),
           TEST(a_dropped_handle_stays_scheduled),
           TEST(a_refused_callback_is_destroyed_before_the_call_returns),
           TEST(a_post_from_the_loops_own_thread_waits_for_the_next_iteration))
