/* SPDX-License-Identifier: MIT */
/* Labels: valgrind */
/* A cancelled task group: the remaining tasks are cancelled and awaited, and the block succeeds. */
#include "trace.h"

static aw_status cleans_up(void *word) {
	aw_status status = aw_sleep(3600 * AW_SECOND);
	EXPECT(aw_sleep(AW_SECOND) >= 0);
	trace_status(word, status);
	return status;
}

static aw_status fails_late(void *ud) {
	(void)ud;
	EXPECT_INT(aw_sleep(3600 * AW_SECOND), AW_ECANCELLED);
	return aw_raise(-EIO, "no luck");
}

static aw_taskgroup *group_begun(void) {
	aw_taskgroup *group = NULL;
	EXPECT_INT(aw_taskgroup_new(NULL, &group), 0);
	EXPECT_INT(aw_taskgroup_enter(group), 0);
	return group;
}

static aw_status at_the_end(void *ud) {
	(void)ud;
	aw_taskgroup *group = group_begun();
	EXPECT_INT(aw_taskgroup_spawn(group, cleans_up, "a", NULL, NULL), 0);
	EXPECT_INT(aw_taskgroup_spawn(group, cleans_up, "b", NULL, NULL), 0);
	EXPECT(aw_sleep(AW_SECOND) >= 0);
	EXPECT_INT(aw_taskgroup_cancel(group), 0);
	EXPECT_INT(aw_taskgroup_cancel(group), 0);
	EXPECT_INT(aw_taskgroup_spawn(group, cleans_up, "c", say_destroyed, NULL), AW_EINVALIDSTATE);
	EXPECT_STR(trace, "~c");
	EXPECT_INT(aw_taskgroup_exit(group, 0, NULL), 0);
	EXPECT_STR(trace, "~c a:AW_ECANCELLED b:AW_ECANCELLED");
	EXPECT_INT(aw_task_cancelling(aw_task_current()), 0);
	EXPECT_INT(aw_sleep(AW_SECOND), 0);
	EXPECT_INT(aw_taskgroup_cancel(group), 0); /* finished: nothing to do */
	EXPECT_INT(aw_sleep(AW_SECOND), 0);
	aw_taskgroup_unref(group);
	return 0;
}

static void what_is_left_is_cancelled_and_awaited(void) {
	EXPECT_INT(run_virtual(at_the_end), 0);
}

static aw_status empty(void *ud) {
	(void)ud;
	aw_taskgroup *group = NULL;
	EXPECT_INT(aw_taskgroup_new(NULL, &group), 0);
	EXPECT_INT(aw_taskgroup_cancel(group), AW_EINVALIDSTATE);
	EXPECT_INT(aw_taskgroup_enter(group), 0);
	EXPECT_INT(aw_taskgroup_cancel(group), 0);
	EXPECT_INT(aw_taskgroup_exit(group, 0, NULL), 0);
	EXPECT_INT(aw_sleep(AW_SECOND), 0);
	aw_taskgroup_unref(group);
	EXPECT_INT(aw_taskgroup_cancel(NULL), AW_EBADHANDLE);
	return 0;
}

static void a_group_without_tasks_ends_well(void) {
	EXPECT_INT(run_virtual(empty), 0);
}

static aw_status cancels_group(void *group) {
	EXPECT(aw_sleep(AW_SECOND) >= 0);
	return aw_taskgroup_cancel(group);
}

/* By a member, while the parent is in the block, and while it is at its end. */
static aw_status by_a_member(void *in_block) {
	aw_taskgroup *group = group_begun();
	EXPECT_INT(aw_taskgroup_spawn(group, cleans_up, "a", NULL, NULL), 0);
	EXPECT_INT(aw_taskgroup_spawn(group, cancels_group, group, NULL, NULL), 0);
	aw_status body = in_block ? aw_sleep(3600 * AW_SECOND) : 0;
	EXPECT_INT(body, in_block ? AW_ECANCELLED : 0);
	EXPECT_INT(aw_taskgroup_exit(group, body, NULL), 0);
	EXPECT_STR(trace, "a:AW_ECANCELLED");
	EXPECT_INT(aw_sleep(AW_SECOND), 0);
	aw_taskgroup_unref(group);
	return 0;
}

static aw_status by_members(void *ud) {
	(void)ud;
	EXPECT_INT(by_a_member("in the block"), 0);
	trace_reset();
	return by_a_member(NULL);
}

static void a_member_may_cancel_the_group(void) {
	EXPECT_INT(run_virtual(by_members), 0);
}

static aw_status failing(void *ud) {
	(void)ud;
	aw_taskgroup *group = group_begun();
	EXPECT_INT(aw_taskgroup_spawn(group, fails_late, NULL, NULL, NULL), 0);
	EXPECT(aw_sleep(AW_SECOND) >= 0);
	EXPECT_INT(aw_taskgroup_cancel(group), 0);
	EXPECT_INT(aw_taskgroup_exit(group, 0, NULL), AW_EGROUP);
	EXPECT_STR(aw_error_message(aw_error_get(aw_caught(), 0)), "no luck");
	EXPECT_INT(aw_sleep(AW_SECOND), 0);
	aw_taskgroup_unref(group);
	return 0;
}

static void failures_on_the_way_out_are_told(void) {
	EXPECT_INT(run_virtual(failing), 0);
}

static aw_status is_cancelled_too(void *ud) {
	(void)ud;
	aw_taskgroup *group = group_begun();
	EXPECT_INT(aw_taskgroup_spawn(group, cleans_up, "a", NULL, NULL), 0); /* will not start */
	EXPECT_INT(aw_taskgroup_cancel(group), 0);
	EXPECT_INT(aw_task_cancel(aw_task_current(), "outside"), 1);
	aw_status status = aw_taskgroup_exit(group, 0, NULL);
	aw_taskgroup_unref(group);
	return status;
}

static aw_status cancelled_twice(void *ud) {
	(void)ud;
	aw_future *task = spawn(is_cancelled_too, NULL);
	aw_status status = aw_await_take(task, NULL, NULL);
	trace_status("parent", status);
	return 0;
}

static void a_cancellation_from_outside_is_not_lost(void) {
	EXPECT_INT(run_virtual(cancelled_twice), 0);
	EXPECT_STR(trace, "parent:AW_ECANCELLED");
}

CHECK_MAIN("taskgroup cancel", TEST(what_is_left_is_cancelled_and_awaited),
           TEST(a_group_without_tasks_ends_well), TEST(a_member_may_cancel_the_group),
           TEST(failures_on_the_way_out_are_told), TEST(a_cancellation_from_outside_is_not_lost))
