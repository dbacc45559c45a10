/* SPDX-License-Identifier: MIT */
/* Labels: valgrind */
/* wait: when it returns, what it tells about each future, and that it cancels nothing. */
#include "trace.h"

static aw_status after_seconds(void *ud) {
	aw_status status = aw_sleep(*(const char *)ud - '0' ? (*(const char *)ud - '0') * AW_SECOND : 0);
	if (status < 0) return status;
	return ((const char *)ud)[1] == 'f' ? aw_raise(-EIO, ud) : 0;
}

static aw_future *tasks[3];

static void three(const char *a, const char *b, const char *c) {
	tasks[0] = spawn(after_seconds, a);
	tasks[1] = spawn(after_seconds, b);
	tasks[2] = spawn(after_seconds, c);
}

static void three_end(void) {
	for (int i = 0; i < 3; i++) {
		IGNORED(aw_future_result(tasks[i], NULL));
		aw_future_unref(tasks[i]);
	}
}

static int64_t seconds(void) {
	return aw_loop_time(aw_loop_current()) / AW_SECOND;
}

static aw_status time_passes(void *ud) {
	(void)ud;
	aw_bool done[3] = {7, 7, 7};
	three("1", "3", "9");
	int64_t began = seconds();
	EXPECT_INT(aw_wait(tasks, 3, AW_ALL_COMPLETED, 2 * AW_SECOND, done), 1);
	EXPECT_INT(seconds() - began, 2);
	EXPECT(done[0] == 1 && done[1] == 0 && done[2] == 0);
	EXPECT_INT(aw_wait(tasks, 3, AW_ALL_COMPLETED, AW_FOREVER, done), 3);
	EXPECT_INT(seconds() - began, 9);
	EXPECT(done[0] == 1 && done[1] == 1 && done[2] == 1);
	EXPECT(!aw_future_cancelled(tasks[2]));
	three_end();
	return 0;
}

static void the_limit_ends_the_wait_and_nothing_else(void) {
	EXPECT_INT(run_virtual(time_passes), 0);
}

static aw_status first_completed(void *ud) {
	(void)ud;
	three("2", "1f", "3");
	EXPECT_INT(aw_wait(tasks, 3, AW_FIRST_COMPLETED, AW_FOREVER, NULL), 1);
	three_end();
	three("2", "3", "4");
	EXPECT(aw_sleep(0) >= 0);
	aw_future_cancel(tasks[2], NULL);
	EXPECT_INT(aw_wait(tasks, 3, AW_FIRST_COMPLETED, AW_FOREVER, NULL), 1);
	EXPECT_INT(aw_future_cancelled(tasks[2]), 1);
	three_end();
	return 0;
}

static void any_end_counts_as_completed(void) {
	EXPECT_INT(run_virtual(first_completed), 0);
}

static aw_status first_exception(void *ud) {
	(void)ud;
	three("1", "2f", "3");
	EXPECT_INT(aw_wait(tasks, 3, AW_FIRST_EXCEPTION, AW_FOREVER, NULL), 2);
	three_end();
	three("1", "2", "3");
	EXPECT(aw_sleep(0) >= 0);
	aw_future_cancel(tasks[0], NULL);
	EXPECT_INT(aw_wait(tasks, 3, AW_FIRST_EXCEPTION, AW_FOREVER, NULL), 3);
	three_end();
	return 0;
}

static void a_cancellation_is_no_exception(void) {
	EXPECT_INT(run_virtual(first_exception), 0);
}

static aw_status tick(void *ud) {
	trace_add(ud);
	return 0;
}

static aw_status all_done(void *ud) {
	(void)ud;
	aw_future *done = future_of_running_loop(), *ticker;
	EXPECT(aw_future_set_result(done, NULL, NULL) >= 0);
	ticker = spawn(tick, "tick");
	EXPECT_INT(aw_wait(&done, 1, AW_ALL_COMPLETED, AW_FOREVER, NULL), 1);
	EXPECT_STR(trace, "tick");
	EXPECT_INT(aw_wait(&done, 1, AW_ALL_COMPLETED, 0, NULL), 1);
	aw_future_unref(ticker);
	aw_future_unref(done);
	return 0;
}

static void waiting_for_what_is_done_still_suspends(void) {
	EXPECT_INT(run_virtual(all_done), 0);
}

static aw_status waits_for_all(void *ud) {
	(void)ud;
	aw_status status = aw_wait(tasks, 3, AW_ALL_COMPLETED, 100 * AW_SECOND, NULL);
	trace_status("wait", status);
	return status;
}

static aw_status waiter_cancelled(void *ud) {
	(void)ud;
	three("1", "2", "3");
	aw_future *waiter = spawn(waits_for_all, NULL);
	EXPECT(aw_sleep(AW_MILLISECOND) >= 0);
	aw_future_cancel(waiter, NULL);
	EXPECT_INT(aw_await(waiter, NULL), AW_ECANCELLED);
	/* Its timer is gone with it: the last is the three's own. */
	EXPECT(aw_loop_deadline(aw_loop_current()) < 10 * AW_SECOND);
	for (int i = 0; i < 3; i++) EXPECT_INT(aw_await(tasks[i], NULL), 0);
	EXPECT_INT(aw_loop_deadline(aw_loop_current()), AW_FOREVER);
	three_end();
	aw_future_unref(waiter);
	return 0;
}

static void cancelling_the_waiter_leaves_the_futures_alone(void) {
	EXPECT_INT(run_virtual(waiter_cancelled), 0);
	EXPECT_STR(trace, "wait:AW_ECANCELLED");
}

static aw_status bad_arguments(void *ud) {
	(void)ud;
	aw_future *one = future_of_running_loop(), *hole[2] = {one, NULL};
	EXPECT_INT(aw_wait(NULL, 0, AW_ALL_COMPLETED, 0, NULL), -EINVAL);
	EXPECT_INT(aw_wait(&one, 0, AW_ALL_COMPLETED, 0, NULL), -EINVAL);
	EXPECT_INT(aw_wait(&one, 1, 17, 0, NULL), -EINVAL);
	EXPECT_INT(aw_wait(&one, 1, -1, 0, NULL), -EINVAL);
	EXPECT_INT(aw_wait(hole, 2, AW_ALL_COMPLETED, 0, NULL), AW_EBADHANDLE);
	EXPECT_INT(aw_wait(&one, 1, AW_ALL_COMPLETED, 0, NULL), 0);
	EXPECT_INT(aw_wait(&one, 1, AW_ALL_COMPLETED, -1, NULL), 0);
	aw_future_unref(one);
	return 0;
}

static void bad_arguments_are_refused(void) {
	EXPECT_INT(run_virtual(bad_arguments), 0);
	EXPECT_INT(aw_wait(NULL, 0, 0, 0, NULL), AW_ENOTASK);
}

static aw_status twice(void *ud) {
	(void)ud;
	aw_future *one = spawn(after_seconds, "1"), *both[2] = {one, one};
	aw_bool done[2] = {0, 0};
	EXPECT_INT(aw_wait(both, 2, AW_ALL_COMPLETED, AW_FOREVER, done), 2);
	EXPECT(done[0] && done[1]);
	aw_future_unref(one);
	return 0;
}

static void a_future_given_twice_is_waited_for_once(void) {
	EXPECT_INT(run_virtual(twice), 0);
}

static aw_status as_coroutine(void *ud) {
	(void)ud;
	aw_coro *coro = NULL;
	void *results = NULL;
	three("1", "2f", "9");
	EXPECT_INT(aw_wait_coro(NULL, tasks, 3, AW_ALL_COMPLETED, 3 * AW_SECOND, &coro), 0);
	EXPECT_INT(aw_await_coro(coro, &results), 0);
	EXPECT_INT(aw_results_count(results), 3);
	EXPECT_INT(aw_results_get(results, 0, NULL), 0);
	EXPECT_INT(aw_results_get(results, 1, NULL), -EIO);
	EXPECT_INT(aw_results_get(results, 2, NULL), AW_EINVALIDSTATE);
	EXPECT(aw_results_error(results, 2) == NULL);
	IGNORED(aw_sleep(20 * AW_SECOND));
	/* What was pending then is pending for good. */
	EXPECT_INT(aw_results_get(results, 2, NULL), AW_EINVALIDSTATE);
	aw_coro_unref(coro);
	three_end();
	return 0;
}

static void as_a_coroutine_it_gives_the_outcomes(void) {
	EXPECT_INT(run_virtual(as_coroutine), 0);
}

CHECK_MAIN("wait", TEST(the_limit_ends_the_wait_and_nothing_else), TEST(any_end_counts_as_completed),
           TEST(a_cancellation_is_no_exception), TEST(waiting_for_what_is_done_still_suspends),
           TEST(cancelling_the_waiter_leaves_the_futures_alone), TEST(bad_arguments_are_refused),
           TEST(a_future_given_twice_is_waited_for_once), TEST(as_a_coroutine_it_gives_the_outcomes))
