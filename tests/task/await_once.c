/* SPDX-License-Identifier: MIT */
/* Labels: valgrind */
/*
 * Futures awaited once and dropped, and futures awaited and left alone: who owns the value, and what a
 * cancellation reaches.
 */
#include "trace.h"

/* A task holds what it awaited until it suspends again. */
static void let_go(void) {
	EXPECT(aw_sleep(0) >= 0);
}

static aw_status gives(void *word) {
	aw_status status = aw_sleep(AW_SECOND);
	trace_status(word, status);
	return status < 0 ? status : aw_return(word, say_destroyed);
}

static aw_status fails(void *message) {
	aw_status status = aw_sleep(AW_SECOND);
	return status < 0 ? status : aw_raise(-EIO, message);
}

/* --- aw_await_take --- */

static aw_status takes(void *ud) {
	(void)ud;
	void *value = NULL;
	aw_destroy_fn destroy = NULL;
	EXPECT_INT(aw_await_take(spawn(gives, "a"), &value, &destroy), 0);
	EXPECT(aw_caught() == NULL);
	EXPECT_STR(value, "a");
	let_go();
	EXPECT_STR(trace, "a:AW_OK"); /* its future is freed, but the value is not */
	EXPECT(destroy == say_destroyed);
	destroy(value);
	EXPECT_INT(aw_await_take(spawn(gives, "b"), NULL, NULL), 0);
	let_go();
	EXPECT_STR(trace, "a:AW_OK ~a b:AW_OK ~b");
	return 0;
}

static void the_value_outlives_the_future(void) {
	EXPECT_INT(run_virtual(takes), 0);
}

static aw_status takes_results(void *ud) {
	(void)ud;
	aw_future *all = NULL, *one = spawn(gives, "a");
	void *value = NULL, *first = NULL;
	EXPECT_INT(aw_gather(NULL, &one, 1, 0, &all), 0);
	aw_future_unref(one);
	EXPECT_INT(aw_await_take(all, &value, NULL), 0);
	EXPECT_INT(aw_results_get(value, 0, &first), 0);
	EXPECT_STR(first, "a");
	let_go();
	EXPECT_STR(trace, "a:AW_OK");
	aw_results_unref(value);
	EXPECT_STR(trace, "a:AW_OK ~a");
	return 0;
}

static void results_become_a_reference_of_the_caller(void) {
	EXPECT_INT(run_virtual(takes_results), 0);
}

static aw_status drops(void *ud) {
	(void)ud;
	void *value = "untouched";
	EXPECT_INT(aw_await_take(spawn(fails, "no luck"), &value, NULL), -EIO);
	EXPECT_STR(aw_error_message(aw_caught()), "no luck");
	EXPECT_STR(value, "untouched");
	EXPECT_INT(aw_await_take(NULL, &value, NULL), AW_EBADHANDLE);
	return 0;
}

static void a_failure_drops_the_reference_too(void) {
	EXPECT_INT(run_virtual(drops), 0);
}

static aw_status takes_cancelled(void *ud) {
	(void)ud;
	aw_status status = aw_await_take(spawn(gives, "inner"), NULL, NULL);
	trace_status("taker", status);
	return status;
}

static aw_status cancels_taker(void *ud) {
	(void)ud;
	aw_future *taker = spawn(takes_cancelled, NULL);
	EXPECT(aw_sleep(AW_SECOND / 2) >= 0);
	EXPECT_INT(aw_future_cancel(taker, NULL), 1);
	EXPECT_INT(aw_await_take(taker, NULL, NULL), AW_ECANCELLED);
	EXPECT_STR(trace, "inner:AW_ECANCELLED taker:AW_ECANCELLED");
	return 0;
}

static void a_cancelled_await_cancels_and_drops(void) {
	EXPECT_INT(run_virtual(cancels_taker), 0);
}

static void outside_a_task_the_reference_is_dropped(void) {
	aw_loop *loop = loop_begin("virtual");
	aw_future *future = NULL;
	EXPECT_INT(aw_future_new(loop, &future), 0);
	EXPECT_INT(aw_await_take(future, NULL, NULL), AW_ENOTASK);
	EXPECT_INT(aw_future_new(loop, &future), 0);
	EXPECT_INT(aw_await_take_int(future, NULL), AW_ENOTASK);
	loop_end(loop);
}

/* --- integers --- */

static aw_status gives_int(void *ud) {
	EXPECT(aw_sleep(AW_SECOND) >= 0);
	return aw_return_int(*(int64_t *)ud);
}

static aw_status integers(void *ud) {
	(void)ud;
	int64_t numbers[] = {42, -1, INT32_MIN}, got = 0;
	for (int i = 0; i < 3; i++) {
		aw_future *future = spawn(gives_int, &numbers[i]);
		EXPECT_INT(aw_await_int(future, &got), 0);
		EXPECT_INT(got, numbers[i]);
		EXPECT_INT(aw_future_result_int(future, &got), 0);
		EXPECT_INT(aw_future_value_kind(future), AW_VALUE_INTEGER);
		EXPECT_INT(aw_await_take_int(future, &got), 0);
		EXPECT_INT(got, numbers[i]);
	}
	aw_future *future = future_of_running_loop();
	EXPECT_INT(aw_future_result_int(future, &got), AW_EINVALIDSTATE);
	EXPECT_INT(aw_future_set_result_int(future, 7), 0);
	EXPECT_INT(aw_future_set_result_int(future, 8), AW_EINVALIDSTATE);
	EXPECT_INT(aw_future_result_int(future, NULL), 0);
	EXPECT_INT(aw_await_take_int(future, &got), 0);
	EXPECT_INT(got, 7);
#if INTPTR_MAX == INT64_MAX
	EXPECT_INT(aw_return_int(INT64_MIN), 0);
#else
	EXPECT_INT(aw_return_int(INT64_MIN), -EOVERFLOW);
#endif
	return 0;
}

static void integers_need_no_casts(void) {
	EXPECT_INT(run_virtual(integers), 0);
	EXPECT_INT(aw_return_int(1), AW_ENOTASK);
}

static aw_status no_integers(void *ud) {
	(void)ud;
	int64_t got = 5;
	EXPECT_INT(aw_await_take_int(spawn(gives, "a"), &got), -EINVAL);
	EXPECT_INT(aw_error_status(aw_caught()), -EINVAL);
	let_go();
	EXPECT_STR(trace, "a:AW_OK ~a");
	EXPECT_INT(aw_await_take_int(spawn(fails, "no luck"), &got), -EIO);
	EXPECT_STR(aw_error_message(aw_caught()), "no luck");
	EXPECT_INT(got, 5);
	return 0;
}

static void a_value_of_another_kind_is_no_integer(void) {
	EXPECT_INT(run_virtual(no_integers), 0);
}

static aw_status results_int(void *ud) {
	(void)ud;
	int64_t number = 9, got = 0;
	aw_future *futures[] = {spawn(gives_int, &number), spawn(gives, "a"), spawn(fails, "no luck")},
			  *all = NULL;
	void *results = NULL;
	EXPECT_INT(aw_gather(NULL, futures, 3, AW_GATHER_RETURN_ERRORS, &all), 0);
	EXPECT_INT(aw_await(all, &results), 0);
	EXPECT_INT(aw_results_get_int(results, 0, &got), 0);
	EXPECT_INT(got, 9);
	EXPECT_INT(aw_results_get_int(results, 0, NULL), 0);
	EXPECT_INT(aw_results_get_int(results, 1, &got), -EINVAL);
	EXPECT_INT(aw_results_get_int(results, 2, &got), -EIO);
	EXPECT_INT(aw_results_get_int(results, 3, &got), -EINVAL);
	EXPECT_INT(got, 9);
	for (int i = 0; i < 3; i++) aw_future_unref(futures[i]);
	aw_future_unref(all);
	return 0;
}

static void results_give_integers(void) {
	EXPECT_INT(run_virtual(results_int), 0);
}

/* --- shielded --- */

static aw_status shielded_body(void *inner) {
	void *value = NULL;
	aw_status status = aw_await_shielded(inner, &value);
	trace_status("outer", status);
	if (status == 0) trace_add(value);
	return status;
}

static aw_status shielded(void *ud) {
	(void)ud;
	aw_future *inner = spawn(gives, "a"), *outer = spawn(shielded_body, inner);
	EXPECT(aw_sleep(0) >= 0);
	EXPECT_INT(aw_future_cancel(outer, NULL), 1);
	EXPECT_INT(aw_await_take(outer, NULL, NULL), AW_ECANCELLED);
	EXPECT_INT(aw_await_take(spawn(shielded_body, inner), NULL, NULL), 0);
	EXPECT_INT(aw_await_shielded(inner, NULL), 0); /* done: no wait */
	aw_future_unref(inner);
	EXPECT_STR(trace, "outer:AW_ECANCELLED a:AW_OK outer:AW_OK a ~a");
	EXPECT_INT(aw_await_shielded(NULL, NULL), AW_EBADHANDLE);
	EXPECT_INT(aw_await_shielded(aw_task_future(aw_task_current()), NULL), AW_ESELFAWAIT);
	EXPECT_INT(aw_await_take(spawn(fails, "no luck"), NULL, NULL), -EIO);
	inner = spawn(fails, "no luck");
	EXPECT_INT(aw_await_shielded(inner, NULL), -EIO);
	EXPECT_STR(aw_error_message(aw_caught()), "no luck");
	aw_future_unref(inner);
	return 0;
}

static void a_shielded_await_leaves_the_future_alone(void) {
	EXPECT_INT(run_virtual(shielded), 0);
	EXPECT_INT(aw_await_shielded(NULL, NULL), AW_ENOTASK);
}

static aw_status limited(void *ud) {
	(void)ud;
	aw_future *inner = spawn(gives, "a");
	void *value = NULL;
	EXPECT_INT(aw_wait_for_shielded(inner, AW_SECOND / 2, NULL), AW_ETIMEOUT);
	EXPECT_INT(aw_future_done(inner), 0);
	EXPECT_INT(aw_wait_for_shielded(inner, 0, NULL), AW_ETIMEOUT);
	EXPECT_INT(aw_wait_for_shielded(inner, AW_SECOND, &value), 0);
	EXPECT_STR(value, "a");
	EXPECT_INT(aw_wait_for_shielded(inner, 0, &value), 0);
	EXPECT_STR(trace, "a:AW_OK");
	aw_future_unref(inner);
	EXPECT_INT(aw_wait_for_shielded(NULL, 0, NULL), AW_EBADHANDLE);
	EXPECT_INT(aw_wait_for_shielded(aw_task_future(aw_task_current()), 0, NULL), AW_ESELFAWAIT);
	return 0;
}

static void a_limit_leaves_the_future_alone(void) {
	EXPECT_INT(run_virtual(limited), 0);
	EXPECT_INT(aw_wait_for_shielded(NULL, 0, NULL), AW_ENOTASK);
}

static aw_status foreign(void *other) {
	EXPECT_INT(aw_await_shielded(other, NULL), AW_EFOREIGNLOOP);
	EXPECT_INT(aw_wait_for_shielded(other, AW_SECOND, NULL), AW_EFOREIGNLOOP);
	return 0;
}

static void futures_of_other_loops_are_refused(void) {
	aw_loop *loop = loop_begin("virtual");
	aw_future *future = NULL;
	EXPECT_INT(aw_future_new(loop, &future), 0);
	EXPECT_INT(aw_run("virtual", foreign, future, NULL, NULL), 0);
	aw_future_unref(future);
	loop_end(loop);
}

CHECK_MAIN("await once", TEST(the_value_outlives_the_future), TEST(results_become_a_reference_of_the_caller),
           TEST(a_failure_drops_the_reference_too), TEST(a_cancelled_await_cancels_and_drops),
           TEST(outside_a_task_the_reference_is_dropped), TEST(integers_need_no_casts),
           TEST(a_value_of_another_kind_is_no_integer), TEST(results_give_integers),
           TEST(a_shielded_await_leaves_the_future_alone), TEST(a_limit_leaves_the_future_alone),
           TEST(futures_of_other_loops_are_refused))
