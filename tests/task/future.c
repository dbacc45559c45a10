/* SPDX-License-Identifier: MIT */
/* Labels: valgrind */
/* The future: its three outcomes, who is notified and when, who owns the value, and unretrieved errors. */
#include "trace.h"

static aw_future *future_of(aw_loop *loop) {
	aw_future *future = NULL;
	EXPECT_INT(aw_future_new(loop, &future), 0);
	return future;
}

static void a_pending_future_has_no_outcome(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_future *future = future_of(loop);
	aw_error *error = NULL;
	void *value = "untouched";
	EXPECT_INT(aw_future_result(future, &value), AW_EINVALIDSTATE);
	EXPECT_INT(aw_future_take_result(future, &value, NULL), AW_EINVALIDSTATE);
	EXPECT_INT(aw_future_error(future, &error), AW_EINVALIDSTATE);
	EXPECT_STR(value, "untouched");
	EXPECT(!aw_future_done(future) && !aw_future_cancelled(future) && aw_future_loop(future) == loop);
	EXPECT(aw_future_task(future) == NULL);
	aw_future_unref(future);
	loop_end(loop);
}

static void the_second_end_is_refused_and_its_value_not_taken(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_future *future = future_of(loop);
	void *value = NULL;
	EXPECT_INT(aw_future_set_result(future, "one", say_destroyed), 0);
	EXPECT_INT(aw_future_set_result(future, "two", say_destroyed), AW_EINVALIDSTATE);
	EXPECT_INT(aw_future_fail(future, -EIO, NULL), AW_EINVALIDSTATE);
	EXPECT_INT(aw_future_cancel(future, NULL), 0);
	EXPECT_INT(aw_future_result(future, &value), 0);
	EXPECT_STR(value, "one");
	EXPECT_STR(trace, "");
	aw_future_unref(future);
	EXPECT_STR(trace, "~one");
	loop_end(loop);
}

static void a_taken_value_belongs_to_the_taker(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_future *future = future_of(loop);
	void *value = NULL;
	aw_destroy_fn destroy = NULL;
	EXPECT(aw_future_set_result(future, "v", say_destroyed) >= 0);
	EXPECT_INT(aw_future_take_result(future, &value, &destroy), 0);
	EXPECT_STR(value, "v");
	EXPECT(destroy == say_destroyed);
	EXPECT_INT(aw_future_take_result(future, &value, &destroy), 0);
	EXPECT(value == NULL && destroy == NULL);
	aw_future_unref(future);
	EXPECT_STR(trace, "");
	loop_end(loop);
}

static void a_failure_is_the_same_error_for_everybody(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_future *future = future_of(loop);
	aw_error *made = NULL, *one = NULL, *two = NULL;
	REQUIRE(aw_error_new(loop, -EIO, "no luck", "payload", say_destroyed, &made) == 0);
	EXPECT_INT(aw_future_set_error(future, made), 0);
	aw_error_unref(made);
	EXPECT_INT(aw_future_result(future, NULL), -EIO);
	EXPECT_INT(aw_future_error(future, &one), 0);
	EXPECT_INT(aw_future_error(future, &two), 0);
	EXPECT(one == made && two == made);
	EXPECT_STR(aw_error_message(one), "no luck");
	EXPECT_STR(aw_error_payload(one), "payload");
	EXPECT_INT(aw_error_status(one), -EIO);
	EXPECT_STR(trace, "");
	aw_future_unref(future);
	EXPECT_STR(trace, "~payload");
	loop_end(loop);
}

static void an_error_without_a_message_has_its_codes_text(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_future *future = future_of(loop);
	aw_error *error = NULL;
	EXPECT_INT(aw_future_fail(future, 0, NULL), -EINVAL);
	EXPECT_INT(aw_future_set_error(future, NULL), AW_EBADHANDLE);
	EXPECT_INT(aw_future_done(future), 0);
	EXPECT_INT(aw_future_fail(future, -ENOENT, NULL), 0);
	EXPECT_INT(aw_future_error(future, &error), 0);
	EXPECT_STR(aw_error_message(error), aw_strerror(-ENOENT));
	aw_future_unref(future);
	/* A code unknown to the library is unchanged. */
	future = future_of(loop);
	EXPECT_INT(aw_future_fail(future, -7777, NULL), 0);
	EXPECT_INT(aw_future_result(future, NULL), -7777);
	aw_future_unref(future);
	loop_end(loop);
}

static void a_cancelled_future_gives_its_cancellation(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_future *future = future_of(loop);
	aw_error *error = NULL;
	EXPECT_INT(aw_future_cancel(future, "why"), 1);
	EXPECT(aw_future_done(future) && aw_future_cancelled(future));
	EXPECT_INT(aw_future_cancel(future, "again"), 0);
	EXPECT_INT(aw_future_result(future, NULL), AW_ECANCELLED);
	EXPECT_INT(aw_future_error(future, &error), AW_ECANCELLED);
	EXPECT_STR(aw_error_message(error), "why");
	EXPECT_INT(aw_future_set_result(future, NULL, NULL), AW_EINVALIDSTATE);
	aw_future_unref(future);
	loop_end(loop);
}

static void done_callbacks_run_through_the_queue_in_order(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_future *future = future_of(loop);
	aw_future_add_done_callback(future, say_done, "a", say_destroyed);
	aw_future_add_done_callback(future, say_done, "b", NULL);
	EXPECT(aw_future_set_result(future, NULL, NULL) >= 0);
	EXPECT_STR(trace, "");
	aw_future_add_done_callback(future, say_done, "late", say_destroyed);
	EXPECT_STR(trace, "");
	EXPECT_INT(aw_loop_run_once(loop, 0), 3);
	EXPECT_STR(trace, "a ~a b late ~late");
	aw_future_unref(future);
	loop_end(loop);
}

static void a_callback_added_twice_runs_twice_and_is_removed_twice(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_future *future = future_of(loop);
	aw_future_add_done_callback(future, say_done, "x", say_destroyed);
	aw_future_add_done_callback(future, say_done, "y", NULL);
	aw_future_add_done_callback(future, say_done, "x", say_destroyed);
	EXPECT_INT(aw_future_remove_done_callback(future, say_done, "z"), 0);
	EXPECT_INT(aw_future_remove_done_callback(future, say_done, "x"), 2);
	EXPECT_INT(aw_future_remove_done_callback(future, say_done, "x"), 0);
	EXPECT_STR(trace, "");
	EXPECT(aw_loop_run_once(loop, 0) >= 0);
	EXPECT_STR(trace, "~x ~x");
	EXPECT(aw_future_set_result(future, NULL, NULL) >= 0);
	/* Already queued: too late. */
	EXPECT_INT(aw_future_remove_done_callback(future, say_done, "y"), 0);
	EXPECT(aw_loop_run_once(loop, 0) >= 0);
	EXPECT_STR(trace, "~x ~x y");
	aw_future_unref(future);
	loop_end(loop);
}

static void a_removed_callback_outlives_its_future(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_future *future = future_of(loop);
	aw_future_add_done_callback(future, say_done, "x", say_destroyed);
	EXPECT_INT(aw_future_remove_done_callback(future, say_done, "x"), 1);
	aw_future_unref(future);
	loop_end(loop);
	EXPECT_STR(trace, "~x");
}

static void a_future_dropped_while_pending_destroys_its_callbacks(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_future *future = future_of(loop);
	aw_future_add_done_callback(future, say_done, "x", say_destroyed);
	aw_future_unref(future);
	EXPECT_STR(trace, "~x");
	loop_settle(loop);
	EXPECT_STR(trace, "~x");
	loop_end(loop);
}

static void a_future_dropped_when_done_lives_until_its_callbacks_ran(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_future *future = future_of(loop);
	aw_future_add_done_callback(future, say_done, "cb", say_destroyed);
	EXPECT(aw_future_set_result(future, "value", say_destroyed) >= 0);
	aw_future_unref(future);
	EXPECT_STR(trace, "");
	loop_settle(loop);
	EXPECT_STR(trace, "cb ~cb ~value");
	loop_end(loop);
}

static aw_status fails(aw_future *future, void *word) {
	(void)future;
	trace_add(word);
	return -EIO;
}

static aw_status note(aw_loop *loop, const aw_report *report, void *ud) {
	(void)loop;
	(void)ud;
	char text[128];
	snprintf(text, sizeof text, "[%s %s]", aw_report_message(report),
	         aw_err_name(aw_error_status(aw_report_error(report))));
	trace_add(text);
	return 0;
}

static void a_callback_that_fails_is_reported_and_the_next_runs(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_future *future = future_of(loop);
	void *value = NULL;
	aw_loop_set_exception_handler(loop, note, NULL, NULL);
	aw_future_add_done_callback(future, fails, "first", NULL);
	aw_future_add_done_callback(future, say_done, "second", NULL);
	EXPECT(aw_future_set_result(future, "5", NULL) >= 0);
	EXPECT(aw_loop_run_once(loop, 0) >= 0);
	EXPECT_STR(trace, "first [Exception in callback EIO] second");
	EXPECT_INT(aw_future_result(future, &value), 0);
	EXPECT_STR(value, "5");
	aw_future_unref(future);
	loop_end(loop);
}

static void an_error_nobody_looked_at_is_reported_with_the_last_reference(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_loop_set_exception_handler(loop, note, NULL, NULL);
	aw_future *future = future_of(loop);
	aw_future_fail(future, -EIO, NULL);
	aw_future_ref(future);
	aw_future_unref(future);
	EXPECT_STR(trace, "");
	aw_future_unref(future);
	EXPECT_STR(trace, "[Future exception was never retrieved EIO]");
	loop_end(loop);
}

static void looking_or_cancelling_marks_an_error_as_seen(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_loop_set_exception_handler(loop, note, NULL, NULL);
	for (int way = 0; way < 3; way++) {
		aw_future *future = future_of(loop);
		aw_future_fail(future, -EIO, NULL);
		if (way == 0) IGNORED(aw_future_result(future, NULL));
		if (way == 1) EXPECT(aw_future_error(future, NULL) >= 0);
		if (way == 2) aw_future_cancel(future, NULL);
		aw_future_unref(future);
	}
	EXPECT_STR(trace, "");
	loop_end(loop);
}

static aw_future *kept;

static aw_status keep(aw_loop *loop, const aw_report *report, void *ud) {
	(void)loop;
	(void)ud;
	kept = aw_future_ref(aw_report_future(report));
	return 0;
}

static void the_handler_may_keep_the_future_it_is_told_about(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_loop_set_exception_handler(loop, keep, NULL, NULL);
	aw_future *future = future_of(loop);
	aw_future_fail(future, -EIO, NULL);
	kept = NULL;
	aw_future_unref(future);
	REQUIRE(kept == future);
	EXPECT_INT(aw_future_result(kept, NULL), -EIO);
	aw_future_unref(kept);
	loop_end(loop);
}

static void host_data_is_destroyed_when_replaced_and_with_the_future(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_future *future = future_of(loop);
	EXPECT_INT(aw_future_set_host_data(future, "one", say_destroyed), 0);
	EXPECT_INT(aw_future_set_host_data(future, "two", say_destroyed), 0);
	EXPECT_STR(aw_future_host_data(future), "two");
	aw_future_unref(future);
	EXPECT_STR(trace, "~one ~two");
	EXPECT_INT(aw_future_set_host_data(NULL, "three", say_destroyed), AW_EBADHANDLE);
	EXPECT_STR(trace, "~one ~two ~three");
	loop_end(loop);
}

/* --- awaited by tasks --- */

static aw_status await_and_say(void *future) {
	void *value = NULL;
	aw_status status = aw_await(future, &value);
	if (status == 0) trace_add(value);
	trace_status("got", status);
	return 0;
}

static aw_status several_waiters(void *ud) {
	(void)ud;
	aw_future *shared = future_of_running_loop(), *waiters[3];
	for (int i = 0; i < 3; i++) waiters[i] = spawn(await_and_say, shared);
	aw_future_add_done_callback(shared, say_done, "first-added", NULL);
	EXPECT(aw_sleep(0) >= 0);
	aw_future_add_done_callback(shared, say_done, "cb", NULL);
	EXPECT(aw_future_set_result(shared, "7", NULL) >= 0);
	trace_add("set");
	EXPECT(aw_sleep(0) >= 0);
	for (int i = 0; i < 3; i++) {
		EXPECT(aw_future_done(waiters[i]));
		aw_future_unref(waiters[i]);
	}
	aw_future_unref(shared);
	return 0;
}

static void waiters_wake_in_their_order_in_one_iteration(void) {
	EXPECT_INT(run_virtual(several_waiters), 0);
	EXPECT_STR(trace, "set first-added 7 got:AW_OK 7 got:AW_OK 7 got:AW_OK cb");
}

static aw_status tick(void *ud) {
	trace_add(ud);
	return 0;
}

static aw_status awaits_done(void *ud) {
	(void)ud;
	aw_future *done = future_of_running_loop();
	EXPECT(aw_future_set_result(done, "now", NULL) >= 0);
	aw_future *other = spawn(tick, "other");
	await_and_say(done);
	aw_future_unref(done);
	IGNORED(aw_await(other, NULL));
	aw_future_unref(other);
	return 0;
}

static void awaiting_a_future_that_is_done_does_not_suspend(void) {
	EXPECT_INT(run_virtual(awaits_done), 0);
	EXPECT_STR(trace, "now got:AW_OK other");
}

static aw_status cancel_one_waiter(void *ud) {
	(void)ud;
	aw_future *shared = future_of_running_loop();
	aw_future *one = spawn(await_and_say, shared), *two = spawn(await_and_say, shared);
	EXPECT(aw_sleep(0) >= 0);
	trace_number("cancel", aw_task_cancel(aw_future_task(one), NULL));
	EXPECT(aw_future_cancelled(shared));
	EXPECT(aw_sleep(0) >= 0);
	EXPECT_INT(aw_task_cancelling(aw_future_task(two)), 0);
	aw_future_unref(one);
	aw_future_unref(two);
	aw_future_unref(shared);
	return 0;
}

static void cancelling_one_waiter_cancels_the_shared_future_for_all(void) {
	EXPECT_INT(run_virtual(cancel_one_waiter), 0);
	EXPECT_STR(trace, "cancel:1 got:AW_ECANCELLED got:AW_ECANCELLED");
}

static aw_status await_foreign(void *foreign) {
	trace_status("await", aw_await(foreign, NULL));
	return 0;
}

static void a_future_of_another_loop_is_refused_inside_the_task(void) {
	aw_loop *loop = loop_begin(NULL), *other = NULL;
	aw_task *task;
	REQUIRE(aw_loop_new(NULL, &other) == 0);
	aw_future *foreign = future_of(other);
	REQUIRE(aw_task_spawn(loop, await_foreign, foreign, NULL, &task) == 0);
	EXPECT_INT(aw_loop_run_until_complete(loop, aw_task_future(task), NULL), 0);
	EXPECT_INT(aw_loop_run_until_complete(loop, foreign, NULL), AW_EFOREIGNLOOP);
	EXPECT_STR(trace, "await:AW_EFOREIGNLOOP");
	EXPECT(aw_future_set_result(foreign, NULL, NULL) >= 0);
	EXPECT_INT(aw_loop_run_until_complete(loop, foreign, NULL), AW_EFOREIGNLOOP);
	aw_task_unref(task);
	aw_future_unref(foreign);
	aw_loop_unref(other);
	loop_end(loop);
}

static void a_cancellations_payload_reaches_whoever_awaits(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_future *inner = future_of(loop), *outer = NULL;
	aw_error *reason = NULL, *wrong = NULL, *error = NULL;
	EXPECT_INT(aw_error_new(loop, AW_ECANCELLED, NULL, "why", say_destroyed, &reason), 0);
	EXPECT_INT(aw_error_new(loop, -EIO, NULL, NULL, NULL, &wrong), 0);
	EXPECT_INT(aw_gather(loop, &inner, 1, 0, &outer), 0);
	EXPECT_INT(aw_future_cancel_error(outer, NULL), AW_EBADHANDLE);
	EXPECT_INT(aw_future_cancel_error(outer, wrong), -EINVAL);
	EXPECT(!aw_future_done(inner));
	EXPECT_INT(aw_future_cancel_error(outer, reason), 1);
	EXPECT_INT(aw_future_cancel_error(inner, reason), 0);
	aw_error_unref(reason);
	EXPECT_INT(aw_future_error(inner, &error), AW_ECANCELLED);
	EXPECT_STR(aw_error_payload(error), "why");
	EXPECT(aw_loop_dispatch(loop) >= 0);
	EXPECT_INT(aw_future_result(outer, NULL), AW_ECANCELLED);
	/* a gather that is cancelled fails with the cancellation, as asyncio's does */
	EXPECT_INT(aw_future_error(outer, &error), 0);
	EXPECT_STR(aw_error_payload(error), "why");
	EXPECT_STR(trace, "");
	aw_future_unref(outer);
	aw_future_unref(inner);
	aw_error_unref(wrong);
	EXPECT_STR(trace, "~why");
	loop_end(loop);
}

static void a_future_is_shared_while_anybody_else_can_reach_what_it_holds(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_future *future = future_of(loop);
	aw_error *error = NULL;
	EXPECT(!aw_future_is_shared(NULL));
	EXPECT(!aw_future_is_shared(future));
	aw_future_ref(future);
	EXPECT(aw_future_is_shared(future));
	aw_future_unref(future);
	EXPECT_INT(aw_error_new(loop, -EIO, NULL, NULL, NULL, &error), 0);
	EXPECT_INT(aw_future_set_error(future, error), 0);
	EXPECT(aw_future_is_shared(future));
	aw_error_unref(error);
	EXPECT(!aw_future_is_shared(future));
	EXPECT_INT(aw_future_error(future, &error), 0);
	aw_future_unref(future);
	loop_end(loop);
}

CHECK_MAIN("future", TEST(a_cancellations_payload_reaches_whoever_awaits),
           TEST(a_future_is_shared_while_anybody_else_can_reach_what_it_holds),
           TEST(a_pending_future_has_no_outcome), TEST(the_second_end_is_refused_and_its_value_not_taken),
           TEST(a_taken_value_belongs_to_the_taker), TEST(a_failure_is_the_same_error_for_everybody),
           TEST(an_error_without_a_message_has_its_codes_text),
           TEST(a_cancelled_future_gives_its_cancellation),
           TEST(done_callbacks_run_through_the_queue_in_order),
           TEST(a_callback_added_twice_runs_twice_and_is_removed_twice),
           TEST(a_removed_callback_outlives_its_future),
           TEST(a_future_dropped_while_pending_destroys_its_callbacks),
           TEST(a_future_dropped_when_done_lives_until_its_callbacks_ran),
           TEST(a_callback_that_fails_is_reported_and_the_next_runs),
           TEST(an_error_nobody_looked_at_is_reported_with_the_last_reference),
           TEST(looking_or_cancelling_marks_an_error_as_seen),
           TEST(the_handler_may_keep_the_future_it_is_told_about),
           TEST(host_data_is_destroyed_when_replaced_and_with_the_future),
           TEST(waiters_wake_in_their_order_in_one_iteration),
           TEST(awaiting_a_future_that_is_done_does_not_suspend),
           TEST(cancelling_one_waiter_cancels_the_shared_future_for_all),
           TEST(a_future_of_another_loop_is_refused_inside_the_task))
