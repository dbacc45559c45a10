/* SPDX-License-Identifier: MIT */
/* Labels: valgrind */
/* aw_run: the value of the main coroutine, and what happens to the tasks that it leaves behind. */
#include "trace.h"

static aw_status gives(void *ud) {
	return aw_return(ud, say_destroyed);
}

static aw_status raises(void *ud) {
	(void)ud;
	return aw_raise(-EIO, "no luck");
}

static void the_value_of_main_moves_to_the_caller(void) {
	void *value = NULL;
	trace_reset();
	EXPECT_INT(aw_run(NULL, gives, "v", NULL, &value), 0);
	EXPECT_STR(value, "v");
	EXPECT_STR(trace, "");
	EXPECT_INT(aw_run(NULL, gives, "unwanted", NULL, NULL), 0);
	EXPECT_STR(trace, "~unwanted");
	value = "untouched";
	EXPECT_INT(aw_run(NULL, raises, NULL, NULL, &value), -EIO);
	EXPECT_STR(value, "untouched");
	EXPECT_INT(aw_debug_live_handles(), 0);
}

static aw_status leftover(void *ud) {
	aw_status status = aw_sleep(3600 * AW_SECOND);
	IGNORED(aw_sleep(AW_SECOND)); /* its cleanup may await */
	trace_add(ud);
	return status;
}

static aw_status leaves_two(void *ud) {
	aw_task_spawn(NULL, leftover, "a", say_destroyed, NULL);
	aw_task_spawn(NULL, leftover, "b", say_destroyed, NULL);
	EXPECT(aw_sleep(0) >= 0);
	trace_add("main");
	return ud ? -EIO : 0;
}

static void what_is_left_over_is_cancelled_and_waited_for(void) {
	EXPECT_INT(run_virtual(leaves_two), 0);
	EXPECT_STR(trace, "main a ~a b ~b");
	trace_reset();
	EXPECT_INT(aw_run("virtual", leaves_two, "fails", say_destroyed, NULL), -EIO);
	EXPECT_STR(trace, "main ~fails a ~a b ~b");
}

static aw_status swallows(void *ud) {
	(void)ud;
	IGNORED(aw_sleep(3600 * AW_SECOND));
	IGNORED(aw_sleep(3600 * AW_SECOND));
	trace_add("ended by itself");
	return 0;
}

static aw_status fails_in_cleanup(void *ud) {
	(void)ud;
	IGNORED(aw_sleep(3600 * AW_SECOND));
	return aw_raise(-EPIPE, "cleanup");
}

static aw_status note(aw_loop *loop, const aw_report *report, void *ud) {
	(void)loop;
	(void)ud;
	trace_add(aw_report_message(report));
	trace_add(aw_error_message(aw_report_error(report)));
	return 0;
}

static aw_status leaves_troublesome(void *ud) {
	(void)ud;
	aw_loop_set_exception_handler(aw_loop_current(), note, NULL, NULL);
	aw_task_spawn(NULL, swallows, NULL, NULL, NULL);
	aw_task_spawn(NULL, fails_in_cleanup, NULL, NULL, NULL);
	EXPECT(aw_sleep(0) >= 0);
	return 0;
}

static void a_leftover_that_fails_is_reported_and_one_that_goes_on_awaited(void) {
	EXPECT_INT(run_virtual(leaves_troublesome), 0);
	EXPECT_STR(trace, "ended by itself unhandled exception during asyncio.run() shutdown cleanup");
}

static aw_status second(void *ud) {
	(void)ud;
	trace_add("second start");
	aw_status status = aw_sleep(3600 * AW_SECOND);
	trace_status("second", status);
	return status;
}

static aw_status spawns_in_cleanup(void *ud) {
	(void)ud;
	IGNORED(aw_sleep(3600 * AW_SECOND));
	aw_task_spawn(NULL, second, NULL, NULL, NULL);
	IGNORED(aw_sleep(AW_SECOND));
	return 0;
}

static aw_status leaves_a_spawner(void *ud) {
	(void)ud;
	aw_task_spawn(NULL, spawns_in_cleanup, NULL, NULL, NULL);
	EXPECT(aw_sleep(0) >= 0);
	return 0;
}

static void a_task_made_during_the_shutdown_ends_with_the_loop(void) {
	EXPECT_INT(run_virtual(leaves_a_spawner), 0);
	EXPECT_STR(trace, "second start second:AW_ELOOPCLOSED");
}

static aw_status runs_again(void *ud) {
	(void)ud;
	trace_status("nested", aw_run(NULL, gives, "main", say_destroyed, NULL));
	return 0;
}

static void a_run_within_a_run_is_refused(void) {
	EXPECT_INT(run_virtual(runs_again), 0);
	EXPECT_STR(trace, "~main nested:AW_ELOOPRUNNING");
}

static void a_run_that_cannot_start_destroys_its_argument(void) {
	trace_reset();
	EXPECT_INT(aw_run("nosuch", gives, "x", say_destroyed, NULL), AW_ENOBACKEND);
	EXPECT_INT(aw_run(NULL, NULL, "y", say_destroyed, NULL), -EINVAL);
	EXPECT_STR(trace, "~x ~y");
	EXPECT_INT(aw_debug_live_handles(), 0);
}

static aw_status exits(void *ud) {
	(void)ud;
	aw_task_spawn(NULL, leftover, "left", NULL, NULL);
	EXPECT(aw_sleep(0) >= 0);
	return AW_ESYSTEMEXIT;
}

static void an_exit_leaves_the_run_after_the_leftovers_ended(void) {
	EXPECT_INT(run_virtual(exits), AW_ESYSTEMEXIT);
	EXPECT_STR(trace, "left");
}

static aw_status cancels_itself(void *ud) {
	(void)ud;
	aw_task_cancel(aw_task_current(), "enough");
	return aw_sleep(0);
}

static void a_cancelled_main_is_the_runs_status(void) {
	EXPECT_INT(run_virtual(cancels_itself), AW_ECANCELLED);
}

static aw_status stops(void *ud) {
	(void)ud;
	aw_loop_stop(aw_loop_current());
	aw_status status = aw_sleep(3600 * AW_SECOND);
	trace_status("main", status);
	return status;
}

static void a_main_that_stops_its_loop_is_left_over_itself(void) {
	EXPECT_INT(run_virtual(stops), AW_ESTOPPED);
	EXPECT_STR(trace, "main:AW_ECANCELLED");
}

static void cancel_all_on_a_loop_of_ones_own(void) {
	aw_loop *loop = loop_begin("virtual");
	aw_task *task;
	EXPECT_INT(aw_loop_cancel_all(loop), 0);
	REQUIRE(aw_task_spawn(loop, leftover, "a", NULL, &task) == 0);
	EXPECT(aw_loop_run_once(loop, 0) >= 0);
	EXPECT_INT(aw_loop_cancel_all(loop), 0);
	EXPECT_INT(aw_future_cancelled(aw_task_future(task)), 1);
	EXPECT_INT(aw_loop_all_tasks(loop, NULL, 0), 0);
	aw_task_unref(task);
	loop_end(loop);
}

CHECK_MAIN("run", TEST(the_value_of_main_moves_to_the_caller),
           TEST(what_is_left_over_is_cancelled_and_waited_for),
           TEST(a_leftover_that_fails_is_reported_and_one_that_goes_on_awaited),
           TEST(a_task_made_during_the_shutdown_ends_with_the_loop), TEST(a_run_within_a_run_is_refused),
           TEST(a_run_that_cannot_start_destroys_its_argument),
           TEST(an_exit_leaves_the_run_after_the_leftovers_ended), TEST(a_cancelled_main_is_the_runs_status),
           TEST(a_main_that_stops_its_loop_is_left_over_itself), TEST(cancel_all_on_a_loop_of_ones_own))
