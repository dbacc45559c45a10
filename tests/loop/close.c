/* SPDX-License-Identifier: MIT */
/* Labels: backends valgrind */
/*
 * Closing with everything pending: each destroy function runs once, stackful tasks unwind, and objects that
 * outlive the loop report that it is closed.
 */
#include "trace.h"

static aw_status never(aw_loop *loop, void *ud) {
	(void)loop;
	(void)ud;
	trace_add("never");
	return 0;
}

static aw_status never_done(aw_future *future, void *ud) {
	(void)future;
	(void)ud;
	trace_add("never");
	return 0;
}

static aw_status never_task(void *ud) {
	(void)ud;
	trace_add("never");
	return 0;
}

static aw_future *awaited;

static aw_status step_waits(aw_resume *resume, void *ud) {
	(void)ud;
	return aw_resume_await(resume, awaited);
}

static aw_status task_waits(void *ud) {
	(void)ud;
	return aw_await(awaited, NULL);
}

static void each_pending_callback_is_destroyed_once_and_never_run(void) {
	enum { KINDS = 14 };
	aw_loop *loop = loop_begin(NULL);
	int ends[KINDS] = {0};
	aw_future *done = NULL;
	aw_handle *handle = NULL;
	aw_coro *coro = NULL, *idle = NULL, *queued = NULL;
	REQUIRE(aw_future_new(loop, &awaited) == 0 && aw_future_new(loop, &done) == 0);
	REQUIRE(aw_coro_new(loop, step_waits, &ends[0], count_destroyed, &coro) == 0);
	aw_task_spawn_coro(loop, coro, NULL);
	aw_task_spawn(loop, task_waits, &ends[1], count_destroyed, NULL);
	loop_settle(loop);
	/* All that can be pending: queued, timed, cancelled, posted, waiting, awaited, never started. */
	aw_loop_call_soon(loop, never, &ends[2], count_destroyed, NULL);
	aw_loop_call_later(loop, AW_SECOND, never, &ends[3], count_destroyed, NULL);
	REQUIRE(aw_loop_call_soon(loop, never, &ends[4], count_destroyed, &handle) == 0);
	aw_handle_cancel(handle);
	aw_loop_call_soon_threadsafe(loop, never, &ends[5], count_destroyed);
	aw_future_add_done_callback(awaited, never_done, &ends[6], count_destroyed);
	aw_future_add_done_callback(awaited, never_done, &ends[7], count_destroyed);
	aw_future_remove_done_callback(awaited, never_done, &ends[7]);
	aw_future_add_done_callback(done, never_done, &ends[8], count_destroyed);
	EXPECT(aw_future_set_result(done, &ends[9], count_destroyed) >= 0);
	aw_task_spawn(loop, never_task, &ends[10], count_destroyed, NULL);
	REQUIRE(aw_coro_new(loop, step_waits, &ends[11], count_destroyed, &queued) == 0);
	aw_task_spawn_coro(loop, queued, NULL);
	REQUIRE(aw_coro_new(loop, step_waits, &ends[12], count_destroyed, &idle) == 0);
	aw_loop_set_host_data(loop, &ends[13], count_destroyed);
	EXPECT_INT(aw_loop_close(loop), 0);
	EXPECT_STR(trace, "");
	for (int i = 0; i < KINDS; i++) /* the value and the idle coroutine live as long as their handles */
		if (i != 9 && i != 12) EXPECT_INT(ends[i], 1);
	aw_future_unref(done);
	aw_coro_unref(idle);
	aw_coro_unref(coro);
	aw_coro_unref(queued);
	aw_handle_unref(handle);
	aw_future_unref(awaited);
	aw_loop_unref(loop);
	for (int i = 0; i < KINDS; i++) EXPECT_INT(ends[i], 1);
	EXPECT_INT(aw_debug_live_handles(), 0);
}

static aw_status cleans_up(void *ud) {
	aw_future *done = NULL, *pending = NULL, *all = NULL;
	aw_timeout *limit = NULL;
	(void)ud;
	EXPECT_INT(aw_future_new(aw_loop_current(), &done), 0);
	EXPECT_INT(aw_future_new(aw_loop_current(), &pending), 0);
	EXPECT(aw_future_set_result(done, NULL, NULL) >= 0);
	EXPECT_INT(aw_timeout_new(NULL, 1000 * AW_SECOND, &limit), 0);
	EXPECT_INT(aw_timeout_enter(limit), 0);
	trace_status("await", aw_await(pending, NULL));
	trace_status("sleep", aw_sleep(AW_SECOND));
	trace_status("yield", aw_sleep(0));
	trace_status("await", aw_await(pending, NULL));
	trace_status("done", aw_await(done, NULL));
	trace_status("wait_for", aw_wait_for(pending, AW_SECOND, NULL));
	trace_status("wait", aw_wait(&pending, 1, AW_ALL_COMPLETED, AW_FOREVER, NULL));
	trace_status("gather", aw_gather(NULL, &pending, 1, 0, &all));
	trace_status("spawn", aw_task_spawn(NULL, never_task, "t", say_destroyed, NULL));
	trace_status("soon", aw_loop_call_soon(aw_loop_current(), never, "c", say_destroyed, NULL));
	trace_status("close", aw_loop_close(aw_loop_current()));
	trace_status("end", aw_timeout_exit(limit, AW_ELOOPCLOSED));
	aw_timeout_unref(limit);
	aw_future_unref(done);
	aw_future_unref(pending);
	return aw_return("value", say_destroyed);
}

static void a_stackful_task_unwinds_and_its_cleanup_never_waits(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_task *task = NULL;
	void *value = NULL;
	REQUIRE(aw_task_spawn(loop, cleans_up, "ud", say_destroyed, &task) == 0);
	EXPECT(aw_loop_run_once(loop, 0) >= 0);
	EXPECT_INT(aw_loop_close(loop), 0);
	EXPECT_STR(
		trace,
		"await:AW_ELOOPCLOSED sleep:AW_ELOOPCLOSED yield:AW_ELOOPCLOSED await:AW_ELOOPCLOSED done:AW_OK "
		"wait_for:AW_ELOOPCLOSED wait:AW_ELOOPCLOSED gather:AW_ELOOPCLOSED ~t spawn:AW_ELOOPCLOSED "
		"~c soon:AW_ELOOPCLOSED close:AW_OK end:AW_ELOOPCLOSED ~ud");
	EXPECT_INT(aw_future_result(aw_task_future(task), &value), 0);
	EXPECT_STR(value, "value");
	aw_task_unref(task);
	loop_end(loop);
}

static aw_status in_the_middle(void *ud) {
	aw_coro *coro = NULL;
	(void)ud;
	EXPECT_INT(aw_sleep_coro(NULL, AW_SECOND, "slept", say_destroyed, &coro), 0);
	trace_status("coro", aw_await_coro(coro, NULL));
	aw_coro_unref(coro);
	EXPECT_INT(aw_wait(&awaited, 1, AW_ALL_COMPLETED, AW_FOREVER, NULL), AW_ELOOPCLOSED);
	return AW_ELOOPCLOSED;
}

static aw_status waits_for(void *ud) {
	(void)ud;
	trace_status("wait_for", aw_wait_for(awaited, 1000 * AW_SECOND, NULL));
	return -EIO;
}

static aw_status waits_on(void *ud) {
	(void)ud;
	trace_status("wait", aw_wait(&awaited, 1, AW_ALL_COMPLETED, 1000 * AW_SECOND, NULL));
	return -EIO;
}

static aw_status asks_next(void *ud) {
	aw_as_completed *iterator = NULL;
	aw_future *next = NULL;
	(void)ud;
	EXPECT_INT(aw_as_completed_new(NULL, &awaited, 1, 1000 * AW_SECOND, &iterator), 0);
	trace_status("next", aw_as_completed_next(iterator, &next));
	aw_as_completed_unref(iterator);
	return -EIO;
}

static aw_status gathers(void *ud) {
	aw_future *all = NULL, *shield = NULL;
	(void)ud;
	EXPECT_INT(aw_gather(NULL, &awaited, 1, 0, &all), 0);
	EXPECT_INT(aw_shield(all, &shield), 0);
	trace_status("shield", aw_await(shield, NULL));
	aw_future_unref(all);
	aw_future_unref(shield);
	return -EIO;
}

static aw_status note(aw_loop *loop, const aw_report *report, void *counter) {
	(void)loop;
	if (strcmp(aw_report_message(report), "Task was destroyed but it is pending!") == 0) ++*(int *)counter;
	return 0;
}

static void tasks_end_from_wherever_they_wait(void) {
	static const aw_task_fn bodies[] = {in_the_middle, waits_for, waits_on, asks_next, gathers};
	aw_loop *loop = loop_begin(NULL);
	aw_task *tasks[5];
	int reports = 0;
	aw_loop_set_exception_handler(loop, note, &reports, NULL);
	REQUIRE(aw_future_new(loop, &awaited) == 0);
	for (int i = 0; i < 5; i++) REQUIRE(aw_task_spawn(loop, bodies[i], NULL, NULL, &tasks[i]) == 0);
	loop_settle(loop);
	EXPECT_INT(aw_loop_close(loop), 0);
	EXPECT_STR(trace,
	           "~slept coro:AW_ELOOPCLOSED wait_for:AW_ELOOPCLOSED wait:AW_ELOOPCLOSED next:AW_ELOOPCLOSED "
	           "shield:AW_ELOOPCLOSED");
	EXPECT_INT(reports, 5);
	for (int i = 0; i < 5; i++) aw_task_unref(tasks[i]);
	aw_future_unref(awaited);
	loop_end(loop);
}

static void what_outlives_the_loop_answers_that_it_is_closed(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_future *future = NULL, *other = NULL;
	aw_task *task = NULL;
	aw_handle *handle = NULL;
	aw_coro *coro = NULL;
	aw_timeout *limit = NULL;
	aw_as_completed *iterator = NULL;
	REQUIRE(aw_future_new(loop, &future) == 0);
	REQUIRE(aw_task_spawn(loop, sleep_long, NULL, NULL, &task) == 0);
	REQUIRE(aw_loop_call_later(loop, AW_SECOND, never, NULL, NULL, &handle) == 0);
	REQUIRE(aw_coro_new(loop, step_waits, NULL, NULL, &coro) == 0);
	REQUIRE(aw_timeout_new(loop, AW_SECOND, &limit) == 0);
	REQUIRE(aw_as_completed_new(loop, &future, 1, AW_SECOND, &iterator) == 0);
	/* The loop is freed, not only closed. */
	aw_loop_unref(loop);
	EXPECT_INT(aw_future_set_result(future, NULL, NULL), AW_ELOOPCLOSED);
	EXPECT_INT(aw_future_fail(future, -EIO, NULL), AW_ELOOPCLOSED);
	EXPECT_INT(aw_future_cancel(future, NULL), AW_ELOOPCLOSED);
	EXPECT_INT(aw_future_add_done_callback(future, never_done, "cb", say_destroyed), AW_ELOOPCLOSED);
	EXPECT_INT(aw_future_remove_done_callback(future, never_done, NULL), AW_ELOOPCLOSED);
	EXPECT_INT(aw_task_cancel(task, NULL), AW_ELOOPCLOSED);
	EXPECT_INT(aw_task_uncancel(task), AW_ELOOPCLOSED);
	EXPECT_INT(aw_task_set_name(task, "x"), AW_ELOOPCLOSED);
	EXPECT_INT(aw_handle_cancel(handle), AW_ELOOPCLOSED);
	EXPECT_INT(aw_shield(future, &other), AW_ELOOPCLOSED);
	EXPECT_INT(aw_timeout_enter(limit), AW_ELOOPCLOSED);
	EXPECT_INT(aw_timeout_reschedule(limit, 0), AW_ELOOPCLOSED);
	EXPECT_INT(aw_future_result(future, NULL), AW_EINVALIDSTATE);
	EXPECT_STR(trace, "~cb");
	aw_as_completed_unref(iterator);
	aw_timeout_unref(limit);
	aw_coro_unref(coro);
	aw_handle_unref(handle);
	aw_task_unref(task);
	aw_future_unref(future);
	EXPECT_INT(aw_debug_live_handles(), 0);
}

static void posts_more(void *loop) {
	trace_status("post", aw_loop_call_soon_threadsafe(loop, never, "p", say_destroyed));
	trace_status("soon", aw_loop_call_soon(loop, never, "s", say_destroyed, NULL));
}

static void a_destroy_that_schedules_more_ends_too(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_loop_call_soon(loop, never, loop, posts_more, NULL);
	EXPECT_INT(aw_loop_close(loop), 0);
	EXPECT_STR(trace, "post:AW_OK ~s soon:AW_ELOOPCLOSED ~p");
	loop_end(loop);
}

static void close_again(void *loop) {
	trace_status("close", aw_loop_close(loop));
	trace_status("run", aw_loop_run_once(loop, 0));
}

static void a_close_within_the_close_is_nothing(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_loop_call_later(loop, AW_SECOND, never, loop, close_again, NULL);
	EXPECT_INT(aw_loop_close(loop), 0);
	EXPECT_STR(trace, "close:AW_OK run:AW_ELOOPCLOSED");
	loop_end(loop);
}

static aw_status fails(void *ud) {
	(void)ud;
	return -EIO;
}

static void a_failure_not_yet_looked_at_is_reported_before_the_handler_goes(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_task *task = NULL;
	aw_loop_set_exception_handler(loop, note, &(int){0}, NULL);
	REQUIRE(aw_task_spawn(loop, fails, NULL, NULL, &task) == 0);
	loop_settle(loop);
	EXPECT_INT(aw_loop_close(loop), 0);
	aw_task_unref(task); /* after the loop: nothing is notified, and nothing breaks */
	loop_end(loop);
}

static void a_loop_that_never_ran_closes_as_well(void) {
	for (int i = 0; i < 50; i++) {
		aw_loop *loop = loop_begin(NULL);
		aw_task_spawn(loop, never_task, NULL, NULL, NULL);
		aw_loop_unref(loop);
	}
	EXPECT_INT(aw_debug_live_handles(), 0);
}

CHECK_MAIN("close", TEST(each_pending_callback_is_destroyed_once_and_never_run),
           TEST(a_stackful_task_unwinds_and_its_cleanup_never_waits), TEST(tasks_end_from_wherever_they_wait),
           TEST(what_outlives_the_loop_answers_that_it_is_closed),
           TEST(a_destroy_that_schedules_more_ends_too), TEST(a_close_within_the_close_is_nothing),
           TEST(a_failure_not_yet_looked_at_is_reported_before_the_handler_goes),
           TEST(a_loop_that_never_ran_closes_as_well))
