/* SPDX-License-Identifier: MIT */
/* Labels: backends valgrind */
/*
 * The life of a loop: creating, running, stopping, separate wait and dispatch, and its errors on invalid
 * calls.
 */
#include "trace.h"

static aw_status stop(aw_loop *loop, void *word) {
	trace_add(word);
	return aw_loop_stop(loop);
}

static aw_status schedule(aw_loop *loop, void *word) {
	trace_add("schedules");
	return aw_loop_call_soon(loop, say, word, NULL, NULL);
}

static void stop_before_a_run_makes_exactly_one_iteration(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_loop_call_soon(loop, schedule, "later", NULL, NULL);
	EXPECT_INT(aw_loop_stop(loop), 0);
	EXPECT_INT(aw_loop_run_forever(loop), 0);
	EXPECT_STR(trace, "schedules");
	EXPECT_INT(aw_loop_stop(loop), 0);
	EXPECT_INT(aw_loop_run_forever(loop), 0);
	EXPECT_STR(trace, "schedules later");
	loop_end(loop);
}

static void stop_lets_the_batch_end_and_keeps_what_it_scheduled(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_loop_call_soon(loop, stop, "stop", NULL, NULL);
	aw_loop_call_soon(loop, schedule, "kept", NULL, NULL);
	EXPECT_INT(aw_loop_run_forever(loop), 0);
	EXPECT_STR(trace, "stop schedules");
	aw_loop_call_soon(loop, stop, "again", NULL, NULL);
	EXPECT_INT(aw_loop_run_forever(loop), 0);
	EXPECT_STR(trace, "stop schedules kept again");
	loop_end(loop);
}

static void a_stop_does_not_outlive_the_run_it_ended(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_loop_stop(loop);
	EXPECT_INT(aw_loop_run_once(loop, 0), 0);
	EXPECT_INT(aw_loop_take_stop(loop), 0);
	aw_loop_stop(loop);
	EXPECT_INT(aw_loop_take_stop(loop), 1);
	EXPECT_INT(aw_loop_take_stop(loop), 0);
	loop_end(loop);
}

static aw_status finish(aw_loop *loop, void *future) {
	(void)loop;
	return aw_future_set_result(future, "value", NULL);
}

static void run_until_complete_returns_the_value_and_leaves_the_rest(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_future *future;
	aw_task *other;
	void *value = NULL;
	REQUIRE(aw_future_new(loop, &future) == 0);
	aw_task_spawn(loop, sleep_long, NULL, NULL, &other);
	aw_loop_call_soon(loop, finish, future, NULL, NULL);
	EXPECT_INT(aw_loop_run_until_complete(loop, future, &value), 0);
	EXPECT_STR(value, "value");
	EXPECT_INT(aw_future_done(aw_task_future(other)), 0);
	/* With a completed future it needs only one iteration. */
	EXPECT_INT(aw_loop_run_until_complete(loop, future, NULL), 0);
	aw_future_unref(future);
	aw_task_unref(other);
	loop_end(loop);
}

static void a_stopped_run_until_complete_can_be_taken_up_again(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_future *future;
	void *value = NULL;
	REQUIRE(aw_future_new(loop, &future) == 0);
	aw_loop_call_soon(loop, stop, "stop", NULL, NULL);
	EXPECT_INT(aw_loop_run_until_complete(loop, future, &value), AW_ESTOPPED);
	EXPECT(value == NULL);
	EXPECT_INT(aw_future_done(future), 0);
	aw_loop_call_soon(loop, finish, future, NULL, NULL);
	EXPECT_INT(aw_loop_run_until_complete(loop, future, &value), 0);
	EXPECT_STR(value, "value");
	aw_future_unref(future);
	loop_end(loop);
}

static void run_until_complete_gives_the_failure_of_its_future(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_future *future;
	REQUIRE(aw_future_new(loop, &future) == 0);
	aw_future_fail(future, -EIO, "broken");
	EXPECT_INT(aw_loop_run_until_complete(loop, future, NULL), -EIO);
	aw_future_unref(future);
	REQUIRE(aw_future_new(loop, &future) == 0);
	aw_future_cancel(future, NULL);
	EXPECT_INT(aw_loop_run_until_complete(loop, future, NULL), AW_ECANCELLED);
	aw_future_unref(future);
	loop_end(loop);
}

static aw_loop *other_loop;

static aw_status run_inside(aw_loop *loop, void *ud) {
	(void)ud;
	trace_status("forever", aw_loop_run_forever(loop));
	trace_status("once", aw_loop_run_once(loop, 0));
	trace_status("other", aw_loop_run_once(other_loop, 0));
	trace_status("other-dispatch", aw_loop_dispatch(other_loop));
	trace_status("dispatch", aw_loop_dispatch(loop));
	trace_status("wait", aw_loop_wait(loop, 0));
	trace_status("close", aw_loop_close(loop));
	trace_status("run", aw_run(NULL, sleep_long, NULL, NULL, NULL));
	EXPECT(aw_loop_is_running(loop));
	EXPECT(aw_loop_current() == loop);
	return 0;
}

static void a_loop_that_runs_refuses_to_be_run_or_closed(void) {
	aw_loop *loop = loop_begin(NULL);
	REQUIRE(aw_loop_new(NULL, &other_loop) == 0);
	aw_loop_call_soon(loop, run_inside, NULL, NULL, NULL);
	EXPECT_INT(aw_loop_run_once(loop, 0), 1);
	EXPECT_STR(
		trace,
		"forever:AW_ELOOPRUNNING once:AW_ELOOPRUNNING other:AW_ELOOPRUNNING other-dispatch:AW_ELOOPRUNNING "
		"dispatch:EBUSY wait:EBUSY close:AW_ELOOPRUNNING run:AW_ELOOPRUNNING");
	/* The refused calls had no effect on it. */
	trace_reset();
	aw_loop_call_soon(loop, say, "still runs", NULL, NULL);
	EXPECT_INT(aw_loop_run_once(loop, 0), 1);
	EXPECT_STR(trace, "still runs");
	EXPECT(!aw_loop_is_running(loop) && aw_loop_current() == NULL);
	aw_loop_unref(other_loop);
	loop_end(loop);
}

static aw_status close_other(aw_loop *loop, void *ud) {
	(void)loop;
	(void)ud;
	trace_status("close", aw_loop_close(other_loop));
	EXPECT(aw_loop_current() == loop);
	return 0;
}

static void a_loop_may_be_closed_while_another_one_runs(void) {
	aw_loop *loop = loop_begin(NULL);
	REQUIRE(aw_loop_new(NULL, &other_loop) == 0);
	aw_task_spawn(other_loop, sleep_long, NULL, NULL, NULL);
	EXPECT(aw_loop_run_once(other_loop, 0) >= 0);
	aw_loop_call_soon(loop, close_other, NULL, NULL, NULL);
	EXPECT_INT(aw_loop_run_once(loop, 0), 1);
	EXPECT_STR(trace, "close:AW_OK");
	aw_loop_unref(other_loop);
	loop_end(loop);
}

static aw_status leave(aw_loop *loop, void *word) {
	(void)loop;
	trace_add(word);
	return AW_ESYSTEMEXIT;
}

static void exit_leaves_the_run_at_once_with_the_rest_still_queued(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_loop_call_soon(loop, leave, "exit", NULL, NULL);
	aw_loop_call_soon(loop, say, "rest", NULL, NULL);
	EXPECT_INT(aw_loop_run_forever(loop), AW_ESYSTEMEXIT);
	EXPECT_STR(trace, "exit");
	EXPECT_INT(aw_loop_run_once(loop, 0), 1);
	EXPECT_STR(trace, "exit rest");
	loop_end(loop);
}

static aw_status exit_task(void *ud) {
	(void)ud;
	return AW_ESYSTEMEXIT;
}

static void an_exit_out_of_a_task_is_also_its_outcome(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_task *task;
	aw_future *never;
	REQUIRE(aw_future_new(loop, &never) == 0);
	REQUIRE(aw_task_spawn(loop, exit_task, NULL, NULL, &task) == 0);
	aw_loop_call_soon(loop, say, "rest", NULL, NULL);
	EXPECT_INT(aw_loop_run_until_complete(loop, never, NULL), AW_ESYSTEMEXIT);
	EXPECT_STR(trace, "");
	EXPECT_INT(aw_future_result(aw_task_future(task), NULL), AW_ESYSTEMEXIT);
	/* A future that is done when the exit comes leaves no trace of the run in the queue. */
	EXPECT(aw_future_set_result(never, NULL, NULL) >= 0);
	aw_loop_call_soon(loop, leave, "exit", NULL, NULL);
	IGNORED(aw_loop_run_until_complete(loop, never, NULL));
	loop_settle(loop);
	EXPECT_STR(trace, "rest exit");
	aw_task_unref(task);
	aw_future_unref(never);
	loop_end(loop);
}

static void wait_and_dispatch_are_an_iteration_in_two_halves(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_loop_call_soon(loop, say, "a", NULL, NULL);
	EXPECT_INT(aw_loop_pending(loop), 1);
	EXPECT_INT(aw_loop_wait(loop, -1), 1);
	EXPECT_STR(trace, "");
	EXPECT_INT(aw_loop_dispatch(loop), 1);
	EXPECT_STR(trace, "a");
	EXPECT_INT(aw_loop_pending(loop), 0);
	EXPECT_INT(aw_loop_wait(loop, 0), 0);
	EXPECT_INT(aw_loop_dispatch(loop), 0);
	/* A dispatch without a wait polls by itself. */
	aw_loop_call_soon(loop, say, "b", NULL, NULL);
	EXPECT_INT(aw_loop_dispatch(loop), 1);
	EXPECT_STR(trace, "a b");
	loop_end(loop);
}

static void a_wait_ends_at_its_limit_and_not_before(void) {
	aw_loop *loop = loop_begin(NULL);
	int64_t began = aw_loop_time(loop);
	EXPECT_INT(aw_loop_wait(loop, 5 * AW_MILLISECOND), 0);
	EXPECT(aw_loop_time(loop) - began >= 5 * AW_MILLISECOND);
	loop_end(loop);
}

static void a_wakeup_ends_one_wait(void) {
	aw_loop *loop = loop_begin(NULL);
	EXPECT_INT(aw_loop_wakeup(loop), 0);
	EXPECT_INT(aw_loop_wakeup(loop), 0);
	EXPECT_INT(aw_loop_wait(loop, -1), 0);
	/* Both wake-ups were merged: the next wait is not shortened. */
	int64_t began = aw_loop_time(loop);
	EXPECT_INT(aw_loop_wait(loop, 2 * AW_MILLISECOND), 0);
	EXPECT(aw_loop_time(loop) - began >= 2 * AW_MILLISECOND);
	loop_end(loop);
}

static void the_deadline_is_that_of_the_first_timer(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_handle *first, *second;
	EXPECT_INT(aw_loop_deadline(loop), AW_FOREVER);
	REQUIRE(aw_loop_call_later(loop, 2 * AW_SECOND, say, "", NULL, &second) == 0);
	REQUIRE(aw_loop_call_later(loop, AW_SECOND, say, "", NULL, &first) == 0);
	EXPECT_INT(aw_loop_deadline(loop), aw_handle_when(first));
	aw_handle_cancel(first);
	EXPECT_INT(aw_loop_deadline(loop), aw_handle_when(second));
	aw_handle_unref(first);
	aw_handle_unref(second);
	loop_end(loop);
}

static aw_status drop_own_loop(aw_loop *loop, void *ud) {
	(void)ud;
	aw_loop_unref(loop);
	trace_add("dropped");
	return 0;
}

static void a_loop_dropped_in_its_own_callback_ends_after_the_dispatch(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_loop_call_soon(loop, drop_own_loop, NULL, NULL, NULL);
	aw_loop_call_soon(loop, say, "batch", say_destroyed, NULL);
	EXPECT_INT(aw_loop_run_once(loop, 0), 2);
	EXPECT_STR(trace, "dropped batch ~batch");
	EXPECT_INT(aw_debug_live_handles(), 0);
	/* The same with dispatch, which is not a run. */
	loop = loop_begin(NULL);
	aw_loop_call_soon(loop, drop_own_loop, NULL, NULL, NULL);
	aw_loop_call_soon(loop, say, "batch", say_destroyed, NULL);
	EXPECT_INT(aw_loop_dispatch(loop), 2);
	EXPECT_STR(trace, "dropped batch ~batch");
	EXPECT_INT(aw_debug_live_handles(), 0);
}

static void host_data_is_replaced_and_destroyed_with_the_loop(void) {
	aw_loop *loop = loop_begin(NULL);
	EXPECT(aw_loop_host_data(loop) == NULL);
	EXPECT_INT(aw_loop_set_host_data(loop, "one", say_destroyed), 0);
	EXPECT_STR(aw_loop_host_data(loop), "one");
	EXPECT_INT(aw_loop_set_host_data(loop, "two", say_destroyed), 0);
	EXPECT_STR(trace, "~one");
	loop_end(loop);
	EXPECT_STR(trace, "~one ~two");
}

static void a_closed_loop_answers_so_to_everything(void) {
	aw_loop *loop = loop_begin(NULL);
	EXPECT_INT(aw_loop_close(loop), 0);
	EXPECT_INT(aw_loop_close(loop), 0);
	EXPECT_INT(aw_loop_is_closed(loop), 1);
	EXPECT_INT(aw_loop_call_soon(loop, say, "x", say_destroyed, NULL), AW_ELOOPCLOSED);
	EXPECT_INT(aw_loop_call_later(loop, 5, say, "x", say_destroyed, NULL), AW_ELOOPCLOSED);
	EXPECT_INT(aw_loop_call_soon_threadsafe(loop, say, "x", say_destroyed), AW_ELOOPCLOSED);
	EXPECT_INT(aw_task_spawn(loop, sleep_long, "x", say_destroyed, NULL), AW_ELOOPCLOSED);
	EXPECT_STR(trace, "~x ~x ~x ~x");
	EXPECT_INT(aw_loop_run_forever(loop), AW_ELOOPCLOSED);
	EXPECT_INT(aw_loop_run_once(loop, 0), AW_ELOOPCLOSED);
	EXPECT_INT(aw_loop_wait(loop, 0), AW_ELOOPCLOSED);
	EXPECT_INT(aw_loop_dispatch(loop), AW_ELOOPCLOSED);
	EXPECT_INT(aw_loop_stop(loop), AW_ELOOPCLOSED);
	EXPECT_INT(aw_loop_wakeup(loop), AW_ELOOPCLOSED);
	EXPECT_INT(aw_loop_pending(loop), 0);
	EXPECT_INT(aw_loop_time(loop), 0);
	EXPECT_INT(aw_loop_deadline(loop), AW_FOREVER);
	loop_end(loop);
}

static void what_a_loop_cannot_be_made_of_is_refused(void) {
	aw_loop *loop = NULL;
	EXPECT_INT(aw_loop_new("nosuch", &loop), AW_ENOBACKEND);
	EXPECT_INT(aw_loop_new(NULL, NULL), -EINVAL);
	EXPECT_INT(aw_loop_new_with(NULL, 1u << 30, 0, &loop), -EINVAL);
	EXPECT(loop == NULL);
	EXPECT_INT(aw_debug_live_handles(), 0);
}

static void debug_mode_is_a_switch(void) {
	aw_loop *loop = NULL;
	REQUIRE(aw_loop_new_with(NULL, AW_LOOP_DEBUG, 0, &loop) == 0);
	EXPECT_INT(aw_loop_debug(loop), 1);
	EXPECT_INT(aw_loop_set_debug(loop, 0), 0);
	EXPECT_INT(aw_loop_debug(loop), 0);
	loop_end(loop);
}

CHECK_MAIN(
	"loop", TEST(stop_before_a_run_makes_exactly_one_iteration),
	TEST(stop_lets_the_batch_end_and_keeps_what_it_scheduled), TEST(a_stop_does_not_outlive_the_run_it_ended),
	TEST(run_until_complete_returns_the_value_and_leaves_the_rest),
	TEST(a_stopped_run_until_complete_can_be_taken_up_again),
	TEST(run_until_complete_gives_the_failure_of_its_future),
	TEST(a_loop_that_runs_refuses_to_be_run_or_closed), TEST(a_loop_may_be_closed_while_another_one_runs),
	TEST(exit_leaves_the_run_at_once_with_the_rest_still_queued),
	TEST(an_exit_out_of_a_task_is_also_its_outcome), TEST(wait_and_dispatch_are_an_iteration_in_two_halves),
	TEST(a_wait_ends_at_its_limit_and_not_before), TEST(a_wakeup_ends_one_wait),
	TEST(the_deadline_is_that_of_the_first_timer),
	TEST(a_loop_dropped_in_its_own_callback_ends_after_the_dispatch),
	TEST(host_data_is_replaced_and_destroyed_with_the_loop), TEST(a_closed_loop_answers_so_to_everything),
	TEST(what_a_loop_cannot_be_made_of_is_refused), TEST(debug_mode_is_a_switch))
