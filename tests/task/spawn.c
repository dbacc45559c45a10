/* SPDX-License-Identifier: MIT */
/* Labels: valgrind */
/* Forms of spawn: named, as a future, and one function over an array of inputs. */
#include "trace.h"

static aw_status names_itself(void *ud) {
	(void)ud;
	trace_add(aw_task_name(aw_task_current()));
	return 0;
}

static aw_status named(void *ud) {
	(void)ud;
	char name[] = "worker";
	aw_task *task = NULL;
	EXPECT_INT(aw_task_spawn_named(NULL, name, names_itself, NULL, NULL, &task), 0);
	memset(name, 'x', sizeof name - 1);
	EXPECT_STR(aw_task_name(task), "worker");
	EXPECT_INT(aw_await_take(aw_task_future(task), NULL, NULL), 0);
	EXPECT_STR(trace, "worker");
	EXPECT_INT(aw_task_spawn_named(NULL, "unseen", names_itself, NULL, NULL, NULL), 0);
	EXPECT(aw_sleep(0) >= 0);
	EXPECT_STR(trace, "worker unseen");
	EXPECT_INT(aw_task_spawn_named(NULL, NULL, names_itself, NULL, NULL, &task), 0);
	EXPECT(strncmp(aw_task_name(task), "Task-", 5) == 0);
	EXPECT_INT(aw_await_take(aw_task_future(task), NULL, NULL), 0);
	return 0;
}

static void a_task_has_its_name_from_the_start(void) {
	EXPECT_INT(run_virtual(named), 0);
}

static aw_status as_future(void *ud) {
	(void)ud;
	aw_future *future = NULL;
	EXPECT_INT(aw_task_spawn_future(NULL, names_itself, "ud", say_destroyed, &future), 0);
	EXPECT(aw_future_task(future) != NULL);
	EXPECT_INT(aw_task_set_name(aw_future_task(future), "a"), 0);
	EXPECT_INT(aw_await_take(future, NULL, NULL), 0);
	EXPECT_STR(trace, "a ~ud");
	return 0;
}

static void a_task_is_given_as_a_future(void) {
	EXPECT_INT(run_virtual(as_future), 0);
}

static void a_refused_spawn_destroys_what_it_was_given(void) {
	aw_future *future = NULL;
	trace_reset();
	EXPECT_INT(aw_task_spawn_future(NULL, names_itself, "a", say_destroyed, &future), AW_ENOLOOP);
	EXPECT_INT(aw_task_spawn_named(NULL, "name", names_itself, "b", say_destroyed, NULL), AW_ENOLOOP);
	EXPECT_STR(trace, "~a ~b");
	aw_loop *loop = loop_begin("virtual");
	EXPECT_INT(aw_task_spawn_future(loop, names_itself, "a", say_destroyed, NULL), -EINVAL);
	EXPECT_INT(aw_task_spawn_named(loop, "name", NULL, "b", say_destroyed, NULL), -EINVAL);
	EXPECT_STR(trace, "~a ~b");
	loop_end(loop);
}

/* --- gather over a function --- */

static aw_status doubles(void *ud) {
	int64_t number = *(const int64_t *)ud;
	aw_status status = aw_sleep((4 - number) * AW_SECOND);
	trace_status("end", status);
	if (status < 0) return status;
	return number == 3 ? aw_raisef(-EIO, "no %d", (int)number) : aw_return_int(2 * number);
}

static int64_t numbers[] = {0, 1, 2, 3};

static aw_status maps(void *ud) {
	(void)ud;
	void *inputs[] = {&numbers[2], &numbers[1], &numbers[0]}, *value = NULL;
	aw_future *all = NULL;
	EXPECT_INT(aw_gather_map(NULL, doubles, inputs, 3, 0, &all), 0);
	inputs[0] = inputs[1] = inputs[2] = NULL; /* the array has been read */
	EXPECT_INT(aw_await_take(all, &value, NULL), 0);
	EXPECT_INT(aw_results_count(value), 3);
	for (size_t i = 0; i < 3; i++) {
		int64_t got = -1;
		EXPECT_INT(aw_results_get_int(value, i, &got), 0);
		EXPECT_INT(got, 2 * (2 - (int64_t)i));
	}
	aw_results_unref(value);
	return 0;
}

static void the_results_are_in_the_order_of_the_inputs(void) {
	EXPECT_INT(run_virtual(maps), 0);
}

static aw_status maps_failure(void *ud) {
	(void)ud;
	void *inputs[] = {&numbers[2], &numbers[3]}, *value = NULL;
	aw_future *all = NULL;
	EXPECT_INT(aw_gather_map(NULL, doubles, inputs, 2, 0, &all), 0);
	EXPECT_INT(aw_await_take(all, NULL, NULL), -EIO);
	EXPECT_STR(aw_error_message(aw_caught()), "no 3");
	EXPECT(aw_sleep(5 * AW_SECOND) >= 0);
	EXPECT_STR(trace, "end:AW_OK end:AW_OK"); /* the other continued */
	EXPECT_INT(aw_gather_map(NULL, doubles, inputs, 2, AW_GATHER_RETURN_ERRORS, &all), 0);
	EXPECT_INT(aw_await_take(all, &value, NULL), 0);
	EXPECT_INT(aw_results_get_int(value, 1, NULL), -EIO);
	aw_results_unref(value);
	return 0;
}

static void failures_are_as_with_gather(void) {
	EXPECT_INT(run_virtual(maps_failure), 0);
}

static aw_status maps_cancelled(void *ud) {
	(void)ud;
	void *inputs[] = {&numbers[1], &numbers[2]};
	aw_future *all = NULL;
	EXPECT_INT(aw_gather_map(NULL, doubles, inputs, 2, 0, &all), 0);
	EXPECT(aw_sleep(0) >= 0);
	EXPECT_INT(aw_future_cancel(all, NULL), 1);
	EXPECT_INT(aw_await_take(all, NULL, NULL), AW_ECANCELLED);
	EXPECT_STR(trace, "end:AW_ECANCELLED end:AW_ECANCELLED");
	return 0;
}

static void a_cancellation_reaches_each_task(void) {
	EXPECT_INT(run_virtual(maps_cancelled), 0);
}

static aw_status one_half(void *ud) {
	(void)ud;
	return aw_return_int(50);
}

static aw_status runs(void *ud) {
	(void)ud;
	void *inputs[] = {&numbers[2], NULL}, *doubled[] = {&numbers[1], &numbers[2]},
		 *bad[] = {&numbers[3], &numbers[0]};
	aw_task_fn fns[] = {doubles, one_half}, none[] = {doubles, NULL};
	aw_results *results = NULL;
	aw_future *all = NULL;
	int64_t got[2] = {0, 0};
	EXPECT_INT(aw_gather_each(NULL, fns, inputs, 2, 0, &all), 0);
	EXPECT_INT(aw_await_take(all, NULL, NULL), 0);
	EXPECT_INT(aw_gather_run_each(fns, inputs, 2, 0, &results), 0);
	for (size_t i = 0; i < 2; i++) EXPECT_INT(aw_results_get_int(results, i, &got[i]), 0);
	EXPECT(got[0] == 4 && got[1] == 50);
	aw_results_unref(results);
	EXPECT_INT(aw_gather_run(doubles, doubled, 2, 0, &results), 0);
	for (size_t i = 0; i < 2; i++) EXPECT_INT(aw_results_get_int(results, i, &got[i]), 0);
	EXPECT(got[0] == 2 && got[1] == 4);
	aw_results_unref(results);
	results = NULL;
	EXPECT_INT(aw_gather_run(doubles, doubled, 2, 0, NULL), 0);
	EXPECT_INT(aw_gather_run(doubles, bad, 2, 0, &results), -EIO);
	EXPECT_STR(aw_error_message(aw_caught()), "no 3");
	EXPECT(results == NULL);
	EXPECT_INT(aw_gather_run_each(none, inputs, 2, 0, &results), -EINVAL);
	EXPECT_INT(aw_error_status(aw_caught()), -EINVAL);
	EXPECT_INT(aw_gather_run_each(NULL, inputs, 2, 0, &results), -EINVAL);
	EXPECT_INT(aw_gather_each(NULL, none, inputs, 2, 0, &all), -EINVAL);
	return 0;
}

static void they_are_awaited_in_one_call(void) {
	EXPECT_INT(run_virtual(runs), 0);
	EXPECT_INT(aw_gather_run(doubles, NULL, 0, 0, NULL), AW_ENOTASK);
}

static aw_status runs_both(void *ud) {
	(void)ud;
	static void *inputs[] = {&numbers[1], &numbers[2]};
	return aw_gather_run(doubles, inputs, 2, 0, NULL);
}

static aw_status run_cancelled(void *ud) {
	(void)ud;
	aw_future *task = spawn(runs_both, NULL);
	EXPECT(aw_sleep(AW_SECOND) >= 0);
	EXPECT_INT(aw_future_cancel(task, NULL), 1);
	EXPECT_INT(aw_await_take(task, NULL, NULL), AW_ECANCELLED);
	EXPECT_STR(trace, "end:AW_ECANCELLED end:AW_ECANCELLED");
	return 0;
}

static void a_cancelled_run_cancels_each(void) {
	EXPECT_INT(run_virtual(run_cancelled), 0);
}

static aw_status maps_nothing(void *ud) {
	(void)ud;
	aw_future *all = NULL;
	void *inputs[] = {NULL};
	EXPECT_INT(aw_gather_map(NULL, doubles, NULL, 0, 0, &all), 0);
	EXPECT_INT(aw_await_take(all, NULL, NULL), 0);
	EXPECT_INT(aw_gather_map(NULL, NULL, NULL, 0, 0, &all), -EINVAL);
	EXPECT_INT(aw_gather_map(NULL, doubles, NULL, 1, 0, &all), -EINVAL);
	EXPECT_INT(aw_gather_map(NULL, doubles, inputs, 1, 2, &all), -EINVAL);
	EXPECT_INT(aw_gather_map(NULL, doubles, inputs, 1, 0, NULL), -EINVAL);
	EXPECT_INT(aw_gather_map(NULL, doubles, inputs, SIZE_MAX, 0, &all), -EINVAL);
	return 0;
}

static void nothing_is_gathered_and_nonsense_refused(void) {
	EXPECT_INT(run_virtual(maps_nothing), 0);
}

CHECK_MAIN("spawn", TEST(a_task_has_its_name_from_the_start), TEST(a_task_is_given_as_a_future),
           TEST(a_refused_spawn_destroys_what_it_was_given), TEST(the_results_are_in_the_order_of_the_inputs),
           TEST(failures_are_as_with_gather), TEST(a_cancellation_reaches_each_task),
           TEST(they_are_awaited_in_one_call), TEST(a_cancelled_run_cancels_each),
           TEST(nothing_is_gathered_and_nonsense_refused))
