/* SPDX-License-Identifier: MIT */
/* Labels: valgrind */
/* Copies the outcome of a future to another: each outcome, ownership of the value, and errors. */
#include "trace.h"

static aw_future *copy_of(aw_future *future) {
	aw_future *target = future_of_running_loop();
	EXPECT_INT(aw_future_copy(future, target), 0);
	return target;
}

static aw_status values(void *ud) {
	(void)ud;
	aw_future *future = future_of_running_loop();
	void *value = NULL;
	EXPECT_INT(aw_future_set_result(future, "a", say_destroyed), 0);
	aw_future *copy = copy_of(future), *second = copy_of(copy);
	aw_future_unref(future);
	aw_future_unref(copy);
	EXPECT_STR(trace, "");
	EXPECT_INT(aw_future_result(second, &value), 0);
	EXPECT_STR(value, "a");
	EXPECT_STR(trace, "");
	aw_future_unref(second);
	EXPECT_STR(trace, "~a");
	return 0;
}

static void a_copy_keeps_the_value(void) {
	EXPECT_INT(run_virtual(values), 0);
}

static aw_status kinds(void *ud) {
	(void)ud;
	int64_t number = 0;
	void *value = NULL;
	aw_future *future = future_of_running_loop(), *all = NULL;
	EXPECT_INT(aw_future_set_result_int(future, 5), 0);
	aw_future *copy = copy_of(future);
	EXPECT_INT(aw_future_result_int(copy, &number), 0);
	EXPECT_INT(number, 5);
	aw_future_unref(copy);
	EXPECT_INT(aw_gather(NULL, &future, 1, 0, &all), 0);
	aw_future_unref(future);
	EXPECT_INT(aw_await(all, NULL), 0);
	copy = copy_of(all);
	aw_future_unref(all);
	EXPECT_INT(aw_future_value_kind(copy), AW_VALUE_RESULTS);
	EXPECT_INT(aw_await_take(copy, &value, NULL), 0);
	EXPECT_INT(aw_results_get_int(value, 0, &number), 0);
	aw_results_unref(value);
	return 0;
}

static void own_kinds_of_values_stay_what_they_are(void) {
	EXPECT_INT(run_virtual(kinds), 0);
}

static int reports;
static aw_status count_report(aw_loop *loop, const aw_report *report, void *ud) {
	(void)loop;
	(void)report;
	(void)ud;
	reports++;
	return 0;
}

static aw_status failures(void *ud) {
	(void)ud;
	EXPECT_INT(aw_loop_set_exception_handler(aw_loop_current(), count_report, NULL, NULL), 0);
	aw_future *future = future_of_running_loop();
	EXPECT_INT(aw_future_failf(future, -EIO, "no %s", "luck"), 0);
	aw_future *copy = copy_of(future);
	reports = 0;
	aw_future_unref(future);
	EXPECT_INT(reports, 0); /* its error counts as retrieved: the copy has it now */
	EXPECT_INT(aw_await_take(copy, NULL, NULL), -EIO);
	EXPECT_STR(aw_error_message(aw_caught()), "no luck");
	future = future_of_running_loop();
	EXPECT_INT(aw_future_fail(future, -EIO, NULL), 0);
	copy = copy_of(future);
	aw_future_unref(future);
	aw_future_unref(copy);
	EXPECT_INT(reports, 1); /* the copy's error was never retrieved */
	future = future_of_running_loop();
	EXPECT_INT(aw_future_cancel(future, "why"), 1);
	copy = copy_of(future);
	EXPECT_INT(aw_future_cancelled(copy), 1);
	EXPECT_INT(aw_await_take(copy, NULL, NULL), AW_ECANCELLED);
	EXPECT_STR(aw_error_message(aw_caught()), "why");
	aw_future_unref(future);
	return 0;
}

static void errors_and_cancellations_are_copied(void) {
	EXPECT_INT(run_virtual(failures), 0);
}

static aw_status nothing(void *ud) {
	(void)ud;
	return 0;
}

static aw_status refused(void *other) {
	aw_future *pending = future_of_running_loop(), *done = future_of_running_loop(),
			  *task = spawn(nothing, NULL);
	EXPECT_INT(aw_future_set_result(done, NULL, NULL), 0);
	EXPECT_INT(aw_future_copy(pending, pending), AW_EINVALIDSTATE);
	EXPECT_INT(aw_future_copy(done, done), AW_EINVALIDSTATE);
	EXPECT_INT(aw_future_copy(done, task), -EPERM);
	EXPECT_INT(aw_future_copy(other, pending), AW_EFOREIGNLOOP);
	EXPECT_INT(aw_future_copy(NULL, pending), AW_EBADHANDLE);
	EXPECT_INT(aw_future_copy(done, NULL), AW_EBADHANDLE);
	EXPECT_INT(aw_future_copy(done, pending), 0);
	aw_future_unref(task);
	aw_future_unref(pending);
	aw_future_unref(done);
	return 0;
}

static void what_can_not_be_copied_is_refused(void) {
	aw_loop *loop = loop_begin("virtual");
	aw_future *other = NULL;
	EXPECT_INT(aw_future_new(loop, &other), 0);
	EXPECT_INT(aw_future_set_result(other, NULL, NULL), 0);
	EXPECT_INT(aw_run("virtual", refused, other, NULL, NULL), 0);
	aw_future_unref(other);
	loop_end(loop);
}

static aw_status follow(aw_future *future, void *target) {
	return aw_future_copy(future, target);
}

static aw_status gives(void *word) {
	EXPECT(aw_sleep(AW_SECOND) >= 0);
	return aw_return(word, say_destroyed);
}

static aw_status follows(void *ud) {
	(void)ud;
	aw_future *task = spawn(gives, "a"), *promise = future_of_running_loop();
	void *value = NULL;
	EXPECT_INT(aw_future_add_done_callback(task, follow, promise, NULL), 0);
	aw_future_unref(task);
	EXPECT_INT(aw_await(promise, &value), 0);
	EXPECT_STR(value, "a");
	aw_future_unref(promise);
	EXPECT(aw_sleep(0) >= 0); /* a task holds what it awaited until it suspends again */
	EXPECT_STR(trace, "~a");
	return 0;
}

static void in_a_done_callback_it_follows(void) {
	EXPECT_INT(run_virtual(follows), 0);
}

static void a_copy_may_outlive_its_loop(void) {
	aw_loop *loop = loop_begin("virtual");
	aw_future *future = NULL, *copy = NULL;
	EXPECT_INT(aw_future_new(loop, &future), 0);
	EXPECT_INT(aw_future_new(loop, &copy), 0);
	EXPECT_INT(aw_future_set_result(future, "a", say_destroyed), 0);
	EXPECT_INT(aw_future_copy(future, copy), 0);
	aw_future_unref(future);
	EXPECT_INT(aw_loop_close(loop), 0);
	EXPECT_STR(trace, "");
	aw_future_unref(copy);
	EXPECT_STR(trace, "~a");
	loop_end(loop);
}

CHECK_MAIN("future copy", TEST(a_copy_keeps_the_value), TEST(own_kinds_of_values_stay_what_they_are),
           TEST(errors_and_cancellations_are_copied), TEST(what_can_not_be_copied_is_refused),
           TEST(in_a_done_callback_it_follows), TEST(a_copy_may_outlive_its_loop))
