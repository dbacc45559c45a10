/* SPDX-License-Identifier: MIT */
/* Labels: valgrind */
/*
 * aw_caught() is the error of the last negative status: all ways in which a failure reaches a task, and what
 * clears it.
 */
#include "trace.h"

static aw_status helper(void *ud) {
	(void)ud;
	return aw_raise(-EIO, "helper says");
}

static aw_status other_helper(void *ud) {
	(void)ud;
	return aw_raise(-EIO, "task says");
}

/* What is caught now has this code and this message. */
#define EXPECT_CAUGHT(code, message)                        \
	do {                                                    \
		EXPECT_INT(aw_error_status(aw_caught()), code);     \
		EXPECT_STR(aw_error_message(aw_caught()), message); \
	} while (0)

/* Runs `fn` in a separate task. Returns its status, and its message in `trace`. */
static aw_status end_of(aw_task_fn fn) {
	aw_future *future = spawn(fn, NULL);
	aw_error *error = NULL;
	aw_status status = aw_await(future, NULL);
	aw_future_error(future, &error);
	trace_reset();
	trace_add(aw_error_message(error));
	aw_future_unref(future);
	return status;
}

/* --- a plain call --- */

static aw_status calls_a_helper(void *ud) {
	EXPECT(aw_caught() == NULL);
	aw_status status = helper(ud);
	EXPECT_INT(status, -EIO);
	EXPECT_CAUGHT(-EIO, "helper says");
	return status;
}

static aw_status body_of_plain_call(void *ud) {
	(void)ud;
	EXPECT_INT(end_of(calls_a_helper), -EIO);
	EXPECT_STR(trace, "helper says");
	return 0;
}

static void the_error_of_a_plain_call_is_caught_and_passed_on(void) {
	EXPECT_INT(run_virtual(body_of_plain_call), 0);
}

/* --- handled, then another failure --- */

static aw_status awaits_another(void *ud) {
	if (helper(ud) == -EIO) trace_add("handled");
	aw_future *future = spawn(other_helper, NULL);
	aw_status status = aw_await(future, NULL);
	EXPECT_CAUGHT(-EIO, "task says");
	aw_future_unref(future);
	return status;
}

static aw_status fails_elsewhere(void *ud) {
	if (helper(ud) == -EIO) trace_add("handled");
	EXPECT_INT(aw_sleep(0), 0);
	EXPECT(aw_caught() == NULL);
	return -EIO;
}

/* An await that completes at once ends the handling, like one that suspends. */
static aw_status fails_after(aw_status (*await)(void)) {
	if (helper(NULL) == -EIO) trace_add("handled");
	EXPECT_INT(await(), 0);
	EXPECT(aw_caught() == NULL);
	return -EIO;
}

static aw_status await_future(void) {
	aw_future *future = future_of_running_loop();
	EXPECT_INT(aw_future_set_result(future, NULL, NULL), 0);
	aw_status status = aw_await(future, NULL);
	aw_future_unref(future);
	return status;
}

static aw_status await_lock(void) {
	aw_lock *lock = NULL;
	EXPECT_INT(aw_lock_new(NULL, &lock), 0);
	aw_status status = aw_lock_acquire(lock);
	aw_lock_unref(lock);
	return status;
}

static aw_status await_event(void) {
	aw_event *event = NULL;
	EXPECT_INT(aw_event_new(NULL, &event), 0);
	EXPECT_INT(aw_event_set(event), 0);
	aw_status status = aw_event_wait(event);
	aw_event_unref(event);
	return status;
}

static aw_status await_semaphore(void) {
	aw_semaphore *semaphore = NULL;
	EXPECT_INT(aw_semaphore_new(NULL, 1, &semaphore), 0);
	aw_status status = aw_semaphore_acquire(semaphore);
	aw_semaphore_unref(semaphore);
	return status;
}

static aw_status await_put(void) {
	aw_queue *queue = NULL;
	EXPECT_INT(aw_queue_new(NULL, 0, &queue), 0);
	aw_status status = aw_queue_put(queue, NULL, NULL);
	aw_queue_unref(queue);
	return status;
}

static aw_status await_get(void) {
	aw_queue *queue = NULL;
	void *item = NULL;
	EXPECT_INT(aw_queue_new(NULL, 0, &queue), 0);
	EXPECT_INT(aw_queue_put_nowait(queue, NULL, NULL), 0);
	aw_status status = aw_queue_get(queue, &item, NULL);
	aw_queue_unref(queue);
	return status;
}

static aw_status await_join(void) {
	aw_queue *queue = NULL;
	EXPECT_INT(aw_queue_new(NULL, 0, &queue), 0);
	aw_status status = aw_queue_join(queue);
	aw_queue_unref(queue);
	return status;
}

static aw_status (*const awaits[])(void) = {await_future, await_lock, await_event, await_semaphore,
                                            await_put,    await_get,  await_join};

static aw_status fails_after_each(void *ud) {
	(void)ud;
	for (size_t i = 0; i < sizeof awaits / sizeof *awaits; i++) EXPECT_INT(fails_after(awaits[i]), -EIO);
	return -EIO;
}

/* Without a library call in between, only the program knows that the next failure is a different one. */
static aw_status fails_at_once(void *ud) {
	if (helper(ud) == -EIO) aw_caught_clear();
	EXPECT(aw_caught() == NULL);
	return -EIO;
}

static aw_status body_of_handled(void *ud) {
	(void)ud;
	EXPECT_INT(end_of(fails_at_once), -EIO);
	EXPECT_STR(trace, aw_strerror(-EIO));
	EXPECT_INT(end_of(awaits_another), -EIO);
	EXPECT_STR(trace, "task says");
	EXPECT_INT(end_of(fails_elsewhere), -EIO);
	EXPECT_STR(trace, aw_strerror(-EIO));
	EXPECT_INT(end_of(fails_after_each), -EIO);
	EXPECT_STR(trace, aw_strerror(-EIO));
	return 0;
}

static void a_failure_that_was_handled_says_nothing_about_a_later_one(void) {
	EXPECT_INT(run_virtual(body_of_handled), 0);
}

/* Cleanup calls do not lose the error. */
static aw_status cleans_up(void *ud) {
	aw_lock *lock = NULL;
	EXPECT_INT(aw_lock_new(NULL, &lock), 0);
	EXPECT_INT(aw_lock_acquire(lock), 0);
	aw_status status = helper(ud);
	EXPECT_INT(aw_lock_release(lock), 0);
	aw_lock_unref(lock);
	EXPECT_CAUGHT(-EIO, "helper says");
	return status;
}

static aw_status body_of_cleaning_up(void *ud) {
	(void)ud;
	EXPECT_INT(end_of(cleans_up), -EIO);
	EXPECT_STR(trace, "helper says");
	return 0;
}

static void releasing_what_is_held_keeps_the_error(void) {
	EXPECT_INT(run_virtual(body_of_cleaning_up), 0);
}

/* --- calls other than awaits --- */

static aw_status body_of_other_calls(void *ud) {
	(void)ud;
	aw_future *never = future_of_running_loop(), *failed = future_of_running_loop(), *done = NULL;
	const char *program = "/nowhere/at/all";
	aw_process *process = NULL;
	void *results = NULL;
	EXPECT_INT(aw_wait_for(never, AW_MILLISECOND, NULL), AW_ETIMEOUT);
	EXPECT_CAUGHT(AW_ETIMEOUT, "the time limit passed");
	EXPECT_INT(aw_subprocess_exec(NULL, &program, 1, NULL, &process), -ENOENT);
	EXPECT_INT(aw_error_status(aw_caught()), -ENOENT);
	EXPECT_INT(aw_lock_release(NULL), AW_EBADHANDLE);
	EXPECT_CAUGHT(AW_EBADHANDLE, aw_strerror(AW_EBADHANDLE));
	/* The same error object as the future's, as result() raises it. */
	EXPECT_INT(aw_future_fail(failed, -EIO, "future says"), 0);
	EXPECT_INT(aw_future_result(failed, NULL), -EIO);
	EXPECT_CAUGHT(-EIO, "future says");
	EXPECT_INT(aw_future_result(never, NULL), AW_ECANCELLED);
	EXPECT_INT(aw_gather(NULL, &failed, 1, AW_GATHER_RETURN_ERRORS, &done), 0);
	EXPECT_INT(aw_await(done, &results), 0);
	EXPECT(aw_caught() == NULL);
	EXPECT_INT(aw_results_get(results, 0, NULL), -EIO);
	EXPECT_CAUGHT(-EIO, "future says");
	aw_future_unref(done);
	aw_future_unref(failed);
	aw_future_unref(never);
	return 0;
}

static void a_call_that_fails_replaces_the_error(void) {
	EXPECT_INT(run_virtual(body_of_other_calls), 0);
}

/* --- iterators --- */

static aw_status next_fails(void *ud, void **out, aw_destroy_fn *out_destroy) {
	(void)out;
	(void)out_destroy;
	return ud ? -EIO : aw_raise(-EIO, "iterator says");
}

static aw_status step_fails(aw_resume *resume, void *ud) {
	(void)ud;
	aw_error *error = NULL;
	EXPECT_INT(aw_error_new(NULL, -EIO, "coroutine says", NULL, NULL, &error), 0);
	aw_status status = aw_resume_raise(resume, error);
	aw_error_unref(error);
	return status;
}

static aw_status next_coro_fails(void *ud, aw_coro **out) {
	return ud ? -EIO : aw_coro_new(NULL, step_fails, NULL, NULL, out);
}

static aw_status body_of_iterator(void *ud) {
	(void)ud;
	aw_iterator *iterators[4] = {NULL};
	const char *said[] = {"iterator says", aw_strerror(-EIO), "coroutine says", aw_strerror(-EIO)};
	void *item = NULL;
	EXPECT_INT(aw_iterator_new(NULL, next_fails, NULL, NULL, &iterators[0]), 0);
	EXPECT_INT(aw_iterator_new(NULL, next_fails, "a code alone", NULL, &iterators[1]), 0);
	EXPECT_INT(aw_iterator_new_coro(NULL, next_coro_fails, NULL, NULL, &iterators[2]), 0);
	EXPECT_INT(aw_iterator_new_coro(NULL, next_coro_fails, "a code alone", NULL, &iterators[3]), 0);
	for (int i = 0; i < 4; i++) {
		IGNORED(aw_raise(-EIO, "of an older failure"));
		EXPECT_INT(aw_iterator_next(iterators[i], &item, NULL), -EIO);
		EXPECT_CAUGHT(-EIO, said[i]);
		aw_iterator_unref(iterators[i]);
	}
	return 0;
}

static void the_error_of_an_iterator_is_caught(void) {
	EXPECT_INT(run_virtual(body_of_iterator), 0);
}

/* --- scopes --- */

static aw_status bare(void *ud) {
	(void)ud;
	return -EIO;
}

static aw_status fine(void *ud) {
	(void)ud;
	return 0;
}

static aw_status lets_pass(void *ud, aw_status body) {
	EXPECT_INT(body, -EIO);
	EXPECT_CAUGHT(-EIO, ud);
	EXPECT_INT(aw_sleep(0), 0); /* an exit may await */
	return 0;
}

static aw_status swallows(void *ud, aw_status body) {
	(void)ud;
	return body < 0;
}

static aw_status replaces(void *ud, aw_status body) {
	(void)ud;
	return body < 0 ? aw_raise(-EPIPE, "exit says") : 0;
}

static aw_status body_of_with(void *ud) {
	(void)ud;
	EXPECT_INT(aw_with(NULL, helper, lets_pass, "helper says"), -EIO);
	EXPECT_CAUGHT(-EIO, "helper says");
	IGNORED(aw_raise(-EIO, "of an older failure"));
	EXPECT_INT(aw_with(NULL, bare, lets_pass, (void *)(uintptr_t)aw_strerror(-EIO)), -EIO);
	EXPECT_CAUGHT(-EIO, aw_strerror(-EIO));
	EXPECT_INT(aw_with(helper, fine, swallows, NULL), -EIO);
	EXPECT_CAUGHT(-EIO, "helper says");
	EXPECT_INT(aw_with(NULL, helper, swallows, NULL), 0);
	EXPECT(aw_caught() == NULL);
	EXPECT_INT(aw_with(NULL, helper, replaces, NULL), -EPIPE);
	EXPECT_CAUGHT(-EPIPE, "exit says");
	EXPECT_INT(aw_with(NULL, fine, swallows, NULL), 0);
	EXPECT(aw_caught() == NULL);
	return 0;
}

static void the_error_of_a_scopes_body_is_caught_in_its_exit_and_after_it(void) {
	EXPECT_INT(run_virtual(body_of_with), 0);
}

/* A timeout scope and a group pass on the error of their body, or replace it with their own. */
static aw_status body_of_timeout(void *ud) {
	aw_timeout *scope = NULL;
	EXPECT_INT(aw_timeout_new(NULL, AW_SECOND, &scope), 0);
	EXPECT_INT(aw_timeout_enter(scope), 0);
	EXPECT_INT(aw_timeout_exit(scope, helper(ud)), -EIO);
	EXPECT_CAUGHT(-EIO, "helper says");
	aw_timeout_unref(scope);
	EXPECT_INT(aw_timeout_new(NULL, AW_SECOND, &scope), 0);
	EXPECT_INT(aw_timeout_enter(scope), 0);
	EXPECT_INT(aw_timeout_exit(scope, aw_sleep(AW_FOREVER)), AW_ETIMEOUT);
	EXPECT_CAUGHT(AW_ETIMEOUT, aw_strerror(AW_ETIMEOUT));
	aw_timeout_unref(scope);
	aw_taskgroup *group = NULL;
	EXPECT_INT(aw_taskgroup_new(NULL, &group), 0);
	EXPECT_INT(aw_taskgroup_enter(group), 0);
	EXPECT_INT(aw_taskgroup_exit(group, helper(ud), NULL), AW_EGROUP);
	EXPECT_INT(aw_error_status(aw_caught()), AW_EGROUP);
	EXPECT_STR(aw_error_message(aw_error_get(aw_caught(), 0)), "helper says");
	aw_taskgroup_unref(group);
	return 0;
}

static void scopes_of_the_library_pass_errors_on(void) {
	EXPECT_INT(run_virtual(body_of_timeout), 0);
}

/* --- a function that is passed to the library --- */

/* Each fails with the code of an earlier failure, and must not have that one's message. */
static aw_status body_of_passed_functions(void *ud) {
	aw_condition *condition = NULL;
	EXPECT_INT(helper(ud), -EIO);
	EXPECT_INT(aw_timeout_run(AW_SECOND, bare, NULL), -EIO);
	EXPECT_CAUGHT(-EIO, aw_strerror(-EIO));
	EXPECT_INT(aw_timeout_run(AW_SECOND, helper, NULL), -EIO);
	EXPECT_CAUGHT(-EIO, "helper says");
	EXPECT_INT(aw_condition_new(NULL, NULL, &condition), 0);
	EXPECT_INT(aw_condition_acquire(condition), 0);
	EXPECT_INT(helper(ud), -EIO);
	EXPECT_INT(aw_condition_wait_for(condition, bare, NULL), -EIO);
	EXPECT_CAUGHT(-EIO, aw_strerror(-EIO));
	EXPECT_INT(aw_condition_wait_for(condition, helper, NULL), -EIO);
	EXPECT_CAUGHT(-EIO, "helper says");
	EXPECT_INT(aw_condition_release(condition), 0);
	aw_condition_unref(condition);
	return 0;
}

static void a_function_that_fails_plainly_has_no_earlier_message(void) {
	EXPECT_INT(run_virtual(body_of_passed_functions), 0);
}

/* --- outside a task --- */

static aw_status callback_fails(aw_loop *loop, void *ud) {
	(void)ud;
	EXPECT_INT(aw_lock_release(NULL), AW_EBADHANDLE);
	EXPECT(aw_caught() == NULL);
	aw_caught_clear();
	return aw_loop_stop(loop);
}

static void outside_a_stackful_task_nothing_is_caught(void) {
	aw_loop *loop = loop_begin(NULL);
	EXPECT_INT(aw_lock_release(NULL), AW_EBADHANDLE);
	EXPECT(aw_caught() == NULL);
	EXPECT_INT(aw_loop_call_soon(loop, callback_fails, NULL, NULL, NULL), 0);
	EXPECT_INT(aw_loop_run_forever(loop), 0);
	loop_end(loop);
}

CHECK_MAIN("caught", TEST(the_error_of_a_plain_call_is_caught_and_passed_on),
           TEST(a_failure_that_was_handled_says_nothing_about_a_later_one),
           TEST(releasing_what_is_held_keeps_the_error), TEST(a_call_that_fails_replaces_the_error),
           TEST(the_error_of_an_iterator_is_caught),
           TEST(the_error_of_a_scopes_body_is_caught_in_its_exit_and_after_it),
           TEST(scopes_of_the_library_pass_errors_on),
           TEST(a_function_that_fails_plainly_has_no_earlier_message),
           TEST(outside_a_stackful_task_nothing_is_caught))
