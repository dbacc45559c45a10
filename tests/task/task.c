/* SPDX-License-Identifier: MIT */
/* Labels: valgrind */
/*
 * Tasks: when they start, how many iterations a wake-up takes, outcomes, names, and the list of tasks.
 */
#include "trace.h"

static aw_status word(void *ud) {
	trace_add(ud);
	return 0;
}

static aw_status spawns_three(void *ud) {
	(void)ud;
	aw_task_spawn(NULL, word, "a", say_destroyed, NULL);
	aw_task_spawn(NULL, word, "b", say_destroyed, NULL);
	trace_add("main");
	EXPECT(aw_sleep(0) >= 0);
	trace_add("again");
	return 0;
}

static void a_task_starts_in_the_next_iteration_in_order(void) {
	EXPECT_INT(run_virtual(spawns_three), 0);
	EXPECT_STR(trace, "main a ~a b ~b again");
}

/* --- hops: iterations from the end of the innermost future to the awaiter's resume --- */

static int hops, hop_limit;

static aw_status count_hop(aw_loop *loop, void *ud) {
	hops++;
	return hops < hop_limit ? aw_loop_call_soon(loop, count_hop, ud, NULL, NULL) : 0;
}

static int hops_at_resume;

static aw_status hop_awaiter(void *outer) {
	IGNORED(aw_await(outer, NULL));
	hops_at_resume = hops;
	return 0;
}

/* Sets `inner`, and counts the iterations until the awaiter of `outer` has run. */
static int hops_of(aw_future *inner, aw_future *outer) {
	aw_future *awaiter = spawn(hop_awaiter, outer);
	EXPECT(aw_sleep(AW_MILLISECOND) >= 0); /* all waiters are waiting */
	hops = 0;
	hop_limit = 8;
	EXPECT(aw_future_set_result(inner, NULL, NULL) >= 0);
	aw_loop_call_soon(aw_loop_current(), count_hop, NULL, NULL, NULL);
	EXPECT(aw_sleep(AW_MILLISECOND) >= 0);
	aw_future_unref(awaiter);
	return hops_at_resume + 1; /* the awaiter is before the counter in the queue */
}

static aw_status await_it(void *future) {
	return aw_await(future, NULL);
}

static aw_status wait_for_it(void *future) {
	return aw_wait_for(future, AW_SECOND, NULL);
}

static aw_status wait_on_it(void *future) {
	aw_future *one[1] = {future};
	return aw_wait(one, 1, AW_ALL_COMPLETED, AW_FOREVER, NULL) < 0;
}

static aw_status hop_program(void *ud) {
	(void)ud;
	aw_future *inner = future_of_running_loop();
	trace_number("future", hops_of(inner, inner));
	aw_future_unref(inner);

	inner = future_of_running_loop();
	aw_future *task = spawn(await_it, inner), *outer = NULL;
	trace_number("task", hops_of(inner, task));
	aw_future_unref(task);
	aw_future_unref(inner);

	inner = future_of_running_loop();
	EXPECT_INT(aw_gather(NULL, &inner, 1, 0, &outer), 0);
	trace_number("gather(fut)", hops_of(inner, outer));
	aw_future_unref(outer);
	aw_future_unref(inner);

	inner = future_of_running_loop();
	task = spawn(await_it, inner);
	EXPECT_INT(aw_gather(NULL, &task, 1, 0, &outer), 0);
	trace_number("gather(task)", hops_of(inner, outer));
	aw_future_unref(outer);
	aw_future_unref(task);
	aw_future_unref(inner);

	inner = future_of_running_loop();
	EXPECT_INT(aw_shield(inner, &outer), 0);
	trace_number("shield(fut)", hops_of(inner, outer));
	aw_future_unref(outer);
	aw_future_unref(inner);
	return 0;
}

static void a_wake_up_takes_as_many_iterations_as_in_asyncio(void) {
	EXPECT_INT(run_virtual(hop_program), 0);
	EXPECT_STR(trace, "future:1 task:2 gather(fut):2 gather(task):3 shield(fut):2");
}

/* Runs `fn` on a pending future in a separate task, which counts when it continues. */
typedef struct hop_inside {
	aw_task_fn fn;
	aw_future *inner;
} hop_inside;

static aw_status hop_runner(void *ud) {
	hop_inside *self = ud;
	self->fn(self->inner);
	hops_at_resume = hops;
	return 0;
}

static int hops_inside(aw_task_fn fn, bool of_task) {
	aw_future *inner = future_of_running_loop();
	aw_future *task = of_task ? spawn(await_it, inner) : aw_future_ref(inner);
	hop_inside inside = {fn, task};
	aw_future *runner = spawn(hop_runner, &inside);
	EXPECT(aw_sleep(AW_MILLISECOND) >= 0);
	hops = 0;
	hop_limit = 8;
	EXPECT(aw_future_set_result(inner, NULL, NULL) >= 0);
	aw_loop_call_soon(aw_loop_current(), count_hop, NULL, NULL, NULL);
	EXPECT(aw_sleep(AW_MILLISECOND) >= 0);
	aw_future_unref(runner);
	aw_future_unref(task);
	aw_future_unref(inner);
	return hops_at_resume + 1;
}

static aw_status hop_inside_program(void *ud) {
	(void)ud;
	trace_number("wait([task])", hops_inside(wait_on_it, true));
	trace_number("wait_for(fut)", hops_inside(wait_for_it, false));
	return 0;
}

static void wait_takes_three_iterations_and_wait_for_one(void) {
	EXPECT_INT(run_virtual(hop_inside_program), 0);
	EXPECT_STR(trace, "wait([task]):3 wait_for(fut):1");
}

/* --- outcomes --- */

static aw_status returns(void *ud) {
	return aw_return(ud, say_destroyed);
}

static aw_status returns_twice(void *ud) {
	aw_return("lost", say_destroyed);
	return aw_return(ud, say_destroyed);
}

static aw_status raises(void *ud) {
	return aw_raise(-EIO, ud);
}

static aw_status raises_bare(void *ud) {
	(void)ud;
	return -ENOENT;
}

static aw_status raises_another(void *ud) {
	EXPECT_INT(aw_raise(-EIO, ud), -EIO);
	return -ENOENT;
}

static aw_status outcome_of(aw_task_fn fn, const char *ud, const char **out_message, void **out_value) {
	aw_future *task = spawn(fn, ud);
	aw_status status = aw_await(task, out_value);
	if (status < 0 && out_message) *out_message = aw_error_message(aw_caught());
	aw_future_unref(task);
	return status;
}

static aw_status outcomes(void *ud) {
	(void)ud;
	const char *message = NULL;
	aw_future *task = spawn(returns, "v");
	void *value = NULL;
	EXPECT_INT(aw_await(task, &value), 0);
	EXPECT_STR(value, "v");
	aw_future_unref(task);
	EXPECT_STR(trace, ""); /* what was awaited lives until the next suspension */
	EXPECT(aw_sleep(0) >= 0);
	EXPECT_STR(trace, "~v");
	EXPECT_INT(outcome_of(returns_twice, "w", NULL, NULL), 0);
	EXPECT(aw_sleep(0) >= 0);
	EXPECT_STR(trace, "~v ~lost ~w");
	EXPECT_INT(outcome_of(raises, "no luck", &message, NULL), -EIO);
	EXPECT_STR(message, "no luck");
	EXPECT_INT(outcome_of(raises_bare, NULL, &message, NULL), -ENOENT);
	EXPECT_STR(message, aw_strerror(-ENOENT));
	EXPECT_INT(outcome_of(raises_another, "unused", &message, NULL), -ENOENT);
	EXPECT_STR(message, aw_strerror(-ENOENT));
	return 0;
}

static void a_task_ends_with_what_its_function_returned_or_raised(void) {
	EXPECT_INT(run_virtual(outcomes), 0);
}

static aw_status fails_with(void *error) {
	return aw_raise_error(error);
}

static aw_status passes_on(void *future) {
	return aw_await(future, NULL);
}

static aw_status handles_and_returns_the_same_code(void *future) {
	EXPECT_INT(aw_await(future, NULL), -EIO);
	EXPECT_INT(aw_sleep(0), 0); /* the failure is over now */
	EXPECT(aw_caught() == NULL);
	return -EIO;
}

static aw_status handles_and_awaits_what_is_done(void *future) {
	aw_future *done = future_of_running_loop();
	EXPECT(aw_future_set_result(done, NULL, NULL) >= 0);
	EXPECT_INT(aw_await(future, NULL), -EIO);
	EXPECT_INT(aw_await(done, NULL), 0);
	EXPECT(aw_caught() == NULL);
	aw_future_unref(done);
	return -EIO;
}

static aw_status error_identity(void *ud) {
	(void)ud;
	aw_error *error = NULL, *seen = NULL;
	EXPECT_INT(aw_error_new(aw_loop_current(), -EIO, "the very one", NULL, NULL, &error), 0);
	aw_future *first = spawn(fails_with, error);
	aw_future *second = spawn(passes_on, first), *third = spawn(handles_and_returns_the_same_code, first);
	aw_future *fourth = spawn(handles_and_awaits_what_is_done, first);
	EXPECT(aw_sleep(AW_MILLISECOND) >= 0);
	EXPECT_INT(aw_future_error(second, &seen), 0);
	EXPECT(seen == error);
	EXPECT_INT(aw_future_error(third, &seen), 0);
	EXPECT(seen != error);
	EXPECT_INT(aw_future_error(fourth, &seen), 0);
	EXPECT(seen != error);
	aw_future_unref(first);
	aw_future_unref(second);
	aw_future_unref(third);
	aw_future_unref(fourth);
	aw_error_unref(error);
	return 0;
}

static void a_failure_passed_on_is_the_very_error_object(void) {
	EXPECT_INT(run_virtual(error_identity), 0);
}

static aw_status await_itself(void *ud) {
	(void)ud;
	return aw_await(aw_task_future(aw_task_current()), NULL);
}

static aw_status self_awaiter(void *ud) {
	(void)ud;
	EXPECT_INT(outcome_of(await_itself, NULL, NULL, NULL), AW_ESELFAWAIT);
	return 0;
}

static void a_task_cannot_await_itself(void) {
	EXPECT_INT(run_virtual(self_awaiter), 0);
}

static aw_status settle_task(void *ud) {
	(void)ud;
	aw_future *task = spawn(sleep_long, NULL);
	aw_error *error = NULL;
	EXPECT_INT(aw_error_new(NULL, -EIO, NULL, NULL, NULL, &error), 0);
	EXPECT_INT(aw_future_set_result(task, "x", say_destroyed), -EPERM);
	EXPECT_INT(aw_future_set_error(task, error), -EPERM);
	EXPECT_INT(aw_future_fail(task, -EIO, NULL), -EPERM);
	EXPECT_STR(trace, "");
	aw_error_unref(error);
	aw_future_unref(task);
	return 0;
}

static void a_task_cannot_be_finished_from_outside(void) {
	EXPECT_INT(run_virtual(settle_task), 0);
}

/* --- names, lists, references --- */

static aw_status names(void *ud) {
	(void)ud;
	aw_task *one, *two;
	unsigned long first = 0, second = 0;
	aw_task_spawn(NULL, sleep_long, NULL, NULL, &one);
	aw_task_spawn(NULL, sleep_long, NULL, NULL, &two);
	EXPECT_INT(sscanf(aw_task_name(one), "Task-%lu", &first), 1);
	EXPECT_INT(sscanf(aw_task_name(two), "Task-%lu", &second), 1);
	EXPECT_INT(second, first + 1);
	EXPECT_INT(aw_task_set_name(one, "mine"), 0);
	EXPECT_STR(aw_task_name(one), "mine");
	EXPECT_INT(aw_task_set_name(one, NULL), -EINVAL);
	EXPECT_STR(aw_task_name(one), "mine");
	EXPECT(aw_task_coro(one) == NULL);
	aw_task_unref(one);
	aw_task_unref(two);
	return 0;
}

static void tasks_are_numbered_or_named(void) {
	EXPECT_INT(run_virtual(names), 0);
}

static aw_status knows_itself(void *ud) {
	aw_task **own = ud;
	EXPECT(aw_task_current() == *own);
	EXPECT(aw_sleep(0) >= 0);
	EXPECT(aw_task_current() == *own);
	return 0;
}

static aw_status no_task_here(aw_loop *loop, void *ud) {
	(void)ud;
	EXPECT(aw_task_current() == NULL);
	EXPECT(aw_loop_current() == loop);
	EXPECT_INT(aw_sleep(0), AW_ENOTASK);
	EXPECT_INT(aw_raise(-EIO, NULL), AW_ENOTASK);
	EXPECT_INT(aw_return("x", say_destroyed), AW_ENOTASK); /* the value is transferred anyway */
	EXPECT_STR(trace, "~x");
	trace_reset();
	EXPECT(aw_caught() == NULL);
	return 0;
}

static aw_status current(void *ud) {
	(void)ud;
	aw_task *task;
	aw_task_spawn(NULL, knows_itself, &task, NULL, &task);
	aw_loop_call_soon(aw_loop_current(), no_task_here, NULL, NULL, NULL);
	EXPECT(aw_task_current() != task);
	EXPECT_INT(aw_await(aw_task_future(task), NULL), 0);
	EXPECT_STR(trace, "");
	EXPECT(aw_future_task(aw_task_future(task)) == task);
	aw_task_unref(task);
	return 0;
}

static void the_current_task_is_the_one_that_runs(void) {
	EXPECT_INT(run_virtual(current), 0);
	EXPECT(aw_task_current() == NULL && aw_loop_current() == NULL);
}

static aw_status lists(void *ud) {
	(void)ud;
	aw_task *all[4] = {0}, *started;
	aw_loop *loop = aw_loop_current();
	EXPECT_INT(aw_loop_all_tasks(loop, NULL, 0), 1);
	aw_task_spawn(NULL, sleep_long, NULL, NULL, &started);
	EXPECT_INT(aw_loop_all_tasks(NULL, all, 4), 2);
	EXPECT(all[0] == aw_task_current() && all[1] == started && !all[2]);
	aw_task_unref(all[0]);
	aw_task_unref(all[1]);
	EXPECT_INT(aw_loop_all_tasks(loop, all, 1), 2);
	aw_task_unref(all[0]);
	aw_task_cancel(started, NULL);
	EXPECT(aw_sleep(0) >= 0);
	EXPECT_INT(aw_loop_all_tasks(loop, NULL, 0), 1);
	aw_task_unref(started);
	return 0;
}

static void all_tasks_are_those_not_done_in_order_of_creation(void) {
	EXPECT_INT(run_virtual(lists), 0);
}

static aw_status detach(void *ud) {
	(void)ud;
	aw_task *task;
	aw_task_spawn(NULL, word, "detached", say_destroyed, &task);
	aw_task_unref(task);
	EXPECT(aw_sleep(0) >= 0);
	return 0;
}

static void a_dropped_task_goes_on(void) {
	EXPECT_INT(run_virtual(detach), 0);
	EXPECT_STR(trace, "detached ~detached");
}

static aw_status exact_yield(void *ud) {
	(void)ud;
	for (int i = 0; i < 2; i++) {
		hops = 0;
		hop_limit = 2;
		aw_loop_call_soon(aw_loop_current(), count_hop, NULL, NULL, NULL);
		EXPECT(aw_sleep(i ? -5 : 0) >= 0);
		EXPECT_INT(hops, 1);
		EXPECT(aw_sleep(0) >= 0); /* the counter ends */
		EXPECT(aw_sleep(0) >= 0);
	}
	EXPECT_INT(aw_loop_deadline(aw_loop_current()), AW_FOREVER);
	return 0;
}

static void a_sleep_of_nothing_is_one_iteration_without_a_timer(void) {
	EXPECT_INT(run_virtual(exact_yield), 0);
}

static aw_status registration_order(void *ud) {
	(void)ud;
	aw_future *task = spawn(word, "task");
	aw_future_add_done_callback(task, say_done, "cb1", NULL);
	aw_future *awaiter = spawn(await_it, task);
	aw_future_add_done_callback(awaiter, say_done, "awaiter-done", NULL);
	EXPECT(aw_sleep(0) >= 0);
	EXPECT(aw_sleep(0) >= 0);
	aw_future_add_done_callback(task, say_done, "cb2", NULL);
	EXPECT(aw_sleep(0) >= 0);
	aw_future_unref(task);
	aw_future_unref(awaiter);
	return 0;
}

static void a_tasks_callbacks_run_one_iteration_after_it(void) {
	EXPECT_INT(run_virtual(registration_order), 0);
	EXPECT_STR(trace, "task cb1 awaiter-done cb2");
}

static aw_status unseen(aw_loop *loop, const aw_report *report, void *ud) {
	(void)loop;
	(void)ud;
	trace_add(aw_report_message(report));
	EXPECT(aw_future_task(aw_report_future(report)) != NULL);
	EXPECT_STR(aw_error_message(aw_report_error(report)), "unseen");
	return 0;
}

static aw_status never_looked_at(void *ud) {
	(void)ud;
	aw_loop_set_exception_handler(aw_loop_current(), unseen, NULL, NULL);
	aw_task_spawn(NULL, raises, "unseen", NULL, NULL);
	EXPECT(aw_sleep(0) >= 0);
	EXPECT(aw_sleep(0) >= 0);
	return 0;
}

static void a_failure_nobody_looks_at_is_reported_when_the_task_goes(void) {
	EXPECT_INT(run_virtual(never_looked_at), 0);
	EXPECT_STR(trace, "Task exception was never retrieved");
}

static void without_a_running_loop_there_is_no_default_one(void) {
	trace_reset();
	EXPECT_INT(aw_task_spawn(NULL, word, "x", say_destroyed, NULL), AW_ENOLOOP);
	EXPECT_STR(trace, "~x");
}

static void stack_sizes_out_of_reason_are_refused(void) {
	aw_loop *loop = loop_begin(NULL);
	EXPECT_INT(aw_loop_set_stack_size(loop, 1), 0);
	EXPECT_INT(aw_loop_set_stack_size(loop, SIZE_MAX), -EINVAL);
	EXPECT_INT(aw_loop_set_stack_size(loop, 1 << 20), 0);
	aw_task_spawn(loop, word, "runs", NULL, NULL);
	loop_settle(loop);
	EXPECT_STR(trace, "runs");
	loop_end(loop);
}

CHECK_MAIN("task", TEST(a_task_starts_in_the_next_iteration_in_order),
           TEST(a_wake_up_takes_as_many_iterations_as_in_asyncio),
           TEST(wait_takes_three_iterations_and_wait_for_one),
           TEST(a_task_ends_with_what_its_function_returned_or_raised),
           TEST(a_failure_passed_on_is_the_very_error_object), TEST(a_task_cannot_await_itself),
           TEST(a_task_cannot_be_finished_from_outside), TEST(tasks_are_numbered_or_named),
           TEST(the_current_task_is_the_one_that_runs),
           TEST(all_tasks_are_those_not_done_in_order_of_creation), TEST(a_dropped_task_goes_on),
           TEST(a_sleep_of_nothing_is_one_iteration_without_a_timer),
           TEST(a_tasks_callbacks_run_one_iteration_after_it),
           TEST(a_failure_nobody_looks_at_is_reported_when_the_task_goes),
           TEST(without_a_running_loop_there_is_no_default_one), TEST(stack_sizes_out_of_reason_are_refused))
