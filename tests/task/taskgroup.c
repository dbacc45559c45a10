/* SPDX-License-Identifier: MIT */
/* Labels: valgrind */
/* Task groups, with the semantics of CPython 3.13. */
#include "trace.h"

static aw_taskgroup *group;

static aw_status fail(void *message) {
	EXPECT(aw_sleep(0) >= 0);
	return aw_raise(-EIO, message);
}

static aw_status sleep_long_and_tell(void *name) {
	aw_status status = aw_sleep(3600 * AW_SECOND);
	trace_status(name, status);
	return status;
}

static aw_status stubborn(void *message) {
	IGNORED(aw_sleep(3600 * AW_SECOND));
	return aw_raise(-EPIPE, message);
}

static void begin(void) {
	EXPECT_INT(aw_taskgroup_new(NULL, &group), 0);
	EXPECT_INT(aw_taskgroup_enter(group), 0);
}

static void join(aw_task_fn fn, const char *name) {
	EXPECT_INT(aw_taskgroup_spawn(group, fn, (void *)(uintptr_t)name, NULL, NULL), 0);
}

/* The messages of a group's errors. */
static void trace_group(aw_status status) {
	trace_status("group", status);
	aw_error *all = aw_caught();
	for (size_t i = 0; status == AW_EGROUP && i < aw_error_count(all); i++)
		trace_add(aw_error_message(aw_error_get(all, i)));
}

static aw_status first_failure(void *ud) {
	(void)ud;
	begin();
	join(fail, "A");
	join(sleep_long_and_tell, "b");
	aw_status body = aw_sleep(3600 * AW_SECOND);
	trace_status("body", body);
	trace_group(aw_taskgroup_exit(group, body, NULL));
	EXPECT_INT(aw_task_cancelling(aw_task_current()), 0);
	aw_taskgroup_unref(group);
	EXPECT_STR(trace, "b:AW_ECANCELLED body:AW_ECANCELLED group:AW_EGROUP A");
	return 0;
}

static void the_first_failure_cancels_siblings_and_body(void) {
	EXPECT_INT(run_virtual(first_failure), 0);
}

static aw_status collected(void *ud) {
	(void)ud;
	begin();
	join(stubborn, "1");
	join(stubborn, "2");
	join(fail, "A");
	trace_group(aw_taskgroup_exit(group, 0, NULL));
	aw_taskgroup_unref(group);
	EXPECT_STR(trace, "group:AW_EGROUP A 1 2");
	EXPECT_INT(aw_task_cancelling(aw_task_current()), 0);
	return 0;
}

static void failures_of_the_cancelled_are_collected(void) {
	EXPECT_INT(run_virtual(collected), 0);
}

static aw_status body_fails(void *ud) {
	(void)ud;
	begin();
	join(sleep_long_and_tell, "a");
	EXPECT(aw_sleep(0) >= 0);
	trace_group(aw_taskgroup_exit(group, aw_raise(-EINVAL, "body"), NULL));
	aw_taskgroup_unref(group);
	EXPECT_STR(trace, "a:AW_ECANCELLED group:AW_EGROUP body");
	return 0;
}

static void a_failure_of_the_body_is_part_of_the_group(void) {
	EXPECT_INT(run_virtual(body_fails), 0);
}

static aw_status cancelled_parent(void *ud) {
	(void)ud;
	begin();
	join(sleep_long_and_tell, "a");
	aw_status body = aw_sleep(3600 * AW_SECOND);
	aw_status end = aw_taskgroup_exit(group, body, NULL);
	trace_status("end", end);
	aw_taskgroup_unref(group);
	return end;
}

static aw_status cancel_outside(void *ud) {
	(void)ud;
	aw_future *parent = spawn(cancelled_parent, NULL);
	IGNORED(aw_sleep(AW_SECOND));
	aw_task_cancel(aw_future_task(parent), NULL);
	EXPECT_INT(aw_await(parent, NULL), AW_ECANCELLED);
	EXPECT_STR(trace, "a:AW_ECANCELLED end:AW_ECANCELLED");
	aw_future_unref(parent);
	return 0;
}

static void a_mere_cancellation_comes_out_bare(void) {
	EXPECT_INT(run_virtual(cancel_outside), 0);
}

static aw_status refused(void *ud) {
	(void)ud;
	EXPECT_INT(aw_taskgroup_new(NULL, &group), 0);
	EXPECT_INT(aw_taskgroup_spawn(group, fail, NULL, NULL, NULL), AW_EINVALIDSTATE);
	EXPECT_INT(aw_taskgroup_enter(group), 0);
	EXPECT_INT(aw_taskgroup_enter(group), AW_EINVALIDSTATE);
	EXPECT_INT(aw_taskgroup_exit(group, 0, NULL), 0);
	EXPECT_INT(aw_taskgroup_spawn(group, fail, "x", say_destroyed, NULL), AW_EINVALIDSTATE);
	EXPECT_STR(trace, "~x");
	aw_taskgroup_unref(group);
	return 0;
}

static void a_group_takes_tasks_only_while_it_lasts(void) {
	EXPECT_INT(run_virtual(refused), 0);
}

static aw_status external_and_own(void *ud) {
	(void)ud;
	begin();
	join(fail, "A");
	aw_status body = aw_sleep(3600 * AW_SECOND);
	aw_task_cancel(aw_task_current(), NULL); /* like an external cancellation while the group ends */
	trace_group(aw_taskgroup_exit(group, body, NULL));
	trace_number("cancelling", aw_task_cancelling(aw_task_current()));
	trace_status("next await", aw_sleep(0));
	aw_taskgroup_unref(group);
	return 0;
}

static aw_status external_cancel(void *ud) {
	(void)ud;
	aw_future *parent = spawn(external_and_own, NULL);
	IGNORED(aw_await(parent, NULL));
	EXPECT_STR(trace, "group:AW_EGROUP A cancelling:1 next await:AW_ECANCELLED");
	aw_future_unref(parent);
	return 0;
}

static void failures_win_and_an_outside_cancel_is_asked_again(void) {
	EXPECT_INT(run_virtual(external_cancel), 0);
}

static aw_status leaves_behind(void *ud) {
	(void)ud;
	aw_coro *coro;
	begin();
	EXPECT_INT(aw_sleep_coro(NULL, 3600 * AW_SECOND, NULL, NULL, &coro), 0);
	EXPECT_INT(aw_taskgroup_spawn_coro(group, coro, NULL), 0);
	aw_coro_unref(coro);
	aw_taskgroup_unref(group);
	return 0;
}

static void a_loop_that_closes_lets_go_of_a_group_with_tasks(void) {
	aw_loop *loop = loop_begin("virtual");
	EXPECT_INT(aw_task_spawn(loop, leaves_behind, NULL, NULL, NULL), 0);
	loop_settle(loop);
	loop_end(loop);
}

static aw_status end_at_once(void *ud) {
	(void)ud;
	return aw_raise(-EIO, "at once");
}

static aw_status takes_tasks_made_elsewhere(void *ud) {
	(void)ud;
	aw_task *sleeper, *done;
	begin();
	EXPECT_INT(aw_task_spawn(NULL, sleep_long_and_tell, "sleeper", NULL, &sleeper), 0);
	EXPECT_INT(aw_taskgroup_add(group, NULL), AW_EBADHANDLE);
	EXPECT_INT(aw_taskgroup_add(group, aw_task_current()), -EINVAL);
	EXPECT_INT(aw_taskgroup_add(group, sleeper), 0);
	EXPECT_INT(aw_task_spawn(NULL, end_at_once, NULL, NULL, &done), 0);
	IGNORED(aw_await(aw_task_future(done), NULL));
	EXPECT_INT(aw_taskgroup_add(group, done), 0); /* already done: its failure still counts */
	aw_status body = aw_sleep(3600 * AW_SECOND);
	trace_status("body", body);
	trace_group(aw_taskgroup_exit(group, body, NULL));
	EXPECT_INT(aw_taskgroup_add(group, done), AW_EINVALIDSTATE);
	aw_task_unref(done);
	aw_task_unref(sleeper);
	aw_taskgroup_unref(group);
	EXPECT_STR(trace, "sleeper:AW_ECANCELLED body:AW_ECANCELLED group:AW_EGROUP at once");
	return 0;
}

static void a_task_made_elsewhere_joins_a_group(void) {
	EXPECT_INT(run_virtual(takes_tasks_made_elsewhere), 0);
}

CHECK_MAIN("taskgroup", TEST(a_task_made_elsewhere_joins_a_group),
           TEST(the_first_failure_cancels_siblings_and_body), TEST(failures_of_the_cancelled_are_collected),
           TEST(a_failure_of_the_body_is_part_of_the_group), TEST(a_mere_cancellation_comes_out_bare),
           TEST(a_group_takes_tasks_only_while_it_lasts),
           TEST(failures_win_and_an_outside_cancel_is_asked_again),
           TEST(a_loop_that_closes_lets_go_of_a_group_with_tasks))
