/* SPDX-License-Identifier: MIT */
/* Labels: valgrind */
/* Timeouts and task groups that are entered but never exited: reported and exited when the task ends. */
#include "trace.h"

static char reports[1024];
static aw_task *reported;

static aw_status keep_report(aw_loop *loop, const aw_report *report, void *ud) {
	(void)loop;
	(void)ud;
	size_t used = strlen(reports);
	aw_future *future = aw_report_future(report);
	snprintf(reports + used, sizeof reports - used, "[%s]", aw_report_message(report));
	reported = future ? aw_future_task(future) : NULL;
	return 0;
}

static aw_loop *watched_loop(void) {
	aw_loop *loop = loop_begin("virtual");
	reports[0] = 0;
	reported = NULL;
	EXPECT_INT(aw_loop_set_exception_handler(loop, keep_report, NULL, NULL), 0);
	return loop;
}

static aw_timeout *kept;

static aw_status enters_a_timeout(void *delay) {
	EXPECT_INT(aw_timeout_new(NULL, *(int64_t *)delay, &kept), 0);
	EXPECT_INT(aw_timeout_enter(kept), 0);
	return 7;
}

static void an_unended_timeout_is_reported_and_disarmed(void) {
	static int64_t delays[] = {AW_SECOND, AW_FOREVER, 0};
	for (int i = 0; i < 3; i++) {
		aw_loop *loop = watched_loop();
		aw_task *task = NULL;
		EXPECT_INT(aw_task_spawn(loop, enters_a_timeout, &delays[i], NULL, &task), 0);
		loop_settle(loop);
		EXPECT_STR(reports, "[timeout was begun and never ended]");
		EXPECT(reported == task);
		/* It does not cancel a completed task, and does not keep the loop busy. */
		EXPECT_INT(aw_loop_deadline(loop), AW_FOREVER);
		EXPECT_INT(aw_future_result(aw_task_future(task), NULL), 0);
		EXPECT_INT(aw_timeout_exit(kept, 0), AW_EINVALIDSTATE);
		EXPECT_INT(aw_timeout_reschedule(kept, 0), AW_EINVALIDSTATE);
		aw_timeout_unref(kept);
		aw_task_unref(task);
		loop_end(loop);
		EXPECT_INT(aw_debug_live_handles(), 0);
	}
}

static aw_status drops_a_timeout(void *ud) {
	(void)ud;
	aw_timeout *timeout = NULL;
	EXPECT_INT(aw_timeout_new(NULL, AW_FOREVER, &timeout), 0);
	EXPECT_INT(aw_timeout_enter(timeout), 0);
	aw_timeout_unref(timeout);
	trace_add("dropped");
	return 0;
}

static void a_timeout_dropped_inside_is_reported_at_once(void) {
	aw_loop *loop = watched_loop();
	EXPECT_INT(aw_task_spawn(loop, drops_a_timeout, NULL, NULL, NULL), 0);
	loop_settle(loop);
	EXPECT_STR(reports, "[timeout was begun and never ended]");
	EXPECT_STR(trace, "dropped");
	loop_end(loop);
	EXPECT_INT(aw_debug_live_handles(), 0);
}

static aw_status sleeps(void *name) {
	aw_status status = aw_sleep(3600 * AW_SECOND);
	trace_add(name);
	trace_add(aw_err_name(status));
	return status;
}

static aw_status enters_a_group(void *ud) {
	(void)ud;
	aw_taskgroup *group = NULL;
	EXPECT_INT(aw_taskgroup_new(NULL, &group), 0);
	EXPECT_INT(aw_taskgroup_enter(group), 0);
	EXPECT_INT(aw_taskgroup_spawn(group, sleeps, "member", NULL, NULL), 0);
	EXPECT_INT(aw_sleep(0), 0);
	aw_taskgroup_unref(group);
	return 0;
}

static void the_tasks_of_an_unended_group_do_not_go_on_unnoticed(void) {
	aw_loop *loop = watched_loop();
	EXPECT_INT(aw_task_spawn(loop, enters_a_group, NULL, NULL, NULL), 0);
	loop_settle(loop);
	EXPECT_STR(reports, "[task group was begun and never ended]");
	EXPECT_STR(trace, "member AW_ECANCELLED");
	EXPECT_INT(aw_loop_all_tasks(loop, NULL, 0), 0);
	loop_end(loop);
	EXPECT_INT(aw_debug_live_handles(), 0);
}

static aw_status nests(void *ud) {
	(void)ud;
	aw_timeout *outer = NULL, *inner = NULL;
	EXPECT_INT(aw_timeout_new(NULL, AW_SECOND, &outer), 0);
	EXPECT_INT(aw_timeout_new(NULL, 2 * AW_SECOND, &inner), 0);
	EXPECT_INT(aw_timeout_enter(outer), 0);
	EXPECT_INT(aw_timeout_enter(inner), 0);
	/* Out of order: they are independent, and neither is left. */
	EXPECT_INT(aw_timeout_exit(outer, 0), 0);
	EXPECT_INT(aw_timeout_exit(inner, 0), 0);
	aw_timeout_unref(outer);
	aw_timeout_unref(inner);
	return 0;
}

static void scopes_that_are_ended_are_not_reported(void) {
	aw_loop *loop = watched_loop();
	EXPECT_INT(aw_task_spawn(loop, nests, NULL, NULL, NULL), 0);
	loop_settle(loop);
	EXPECT_STR(reports, "");
	loop_end(loop);
	EXPECT_INT(aw_debug_live_handles(), 0);
}

static aw_status waits_in_a_timeout(void *ud) {
	(void)ud;
	aw_timeout *timeout = NULL;
	EXPECT_INT(aw_timeout_new(NULL, 3600 * AW_SECOND, &timeout), 0);
	EXPECT_INT(aw_timeout_enter(timeout), 0);
	aw_status status = aw_sleep(3600 * AW_SECOND);
	aw_timeout_unref(timeout);
	return status; /* the loop closes: nothing is reported */
}

static void a_loop_that_closes_takes_scopes_with_it(void) {
	aw_loop *loop = watched_loop();
	EXPECT_INT(aw_task_spawn(loop, waits_in_a_timeout, NULL, NULL, NULL), 0);
	EXPECT(aw_loop_run_once(loop, 0) >= 0);
	loop_end(loop);
	EXPECT_STR(reports, "[Task was destroyed but it is pending!]");
	EXPECT_INT(aw_debug_live_handles(), 0);
}

CHECK_MAIN("scopes", TEST(an_unended_timeout_is_reported_and_disarmed),
           TEST(a_timeout_dropped_inside_is_reported_at_once),
           TEST(the_tasks_of_an_unended_group_do_not_go_on_unnoticed),
           TEST(scopes_that_are_ended_are_not_reported), TEST(a_loop_that_closes_takes_scopes_with_it))
