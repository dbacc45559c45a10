/* SPDX-License-Identifier: MIT */
/* Task-local values and eager tasks, which both depend on the current task and context. */
#include "trace.h"

static int key, other_key;

static void trace_value(const char *who) {
	void *value = "unset";
	aw_context_get(&key, &value);
	char text[64];
	snprintf(text, sizeof text, "%s=%s", who, (char *)value);
	trace_add(text);
}

static aw_status child(void *ud) {
	(void)ud;
	trace_value("child");
	EXPECT(aw_context_set(&key, "of child", NULL) >= 0);
	EXPECT(aw_sleep(0) >= 0);
	trace_value("child");
	return 0;
}

static aw_status callback(aw_loop *loop, void *ud) {
	(void)loop;
	trace_value(ud);
	EXPECT(aw_context_set(&key, "of callback", NULL) >= 0);
	return 0;
}

static aw_status inherit(void *ud) {
	(void)ud;
	EXPECT(aw_context_set(&key, "of main", NULL) >= 0);
	aw_future *task = spawn(child, NULL);
	aw_loop_call_soon(aw_loop_current(), callback, "callback", NULL, NULL);
	EXPECT(aw_context_set(&key, "later", NULL) >= 0); /* both have copied the previous context */
	IGNORED(aw_await(task, NULL));
	trace_value("main");
	EXPECT_STR(trace, "child=of main callback=of main child=of child main=later");
	aw_future_unref(task);
	return 0;
}

static void tasks_and_callbacks_run_in_a_copy(void) {
	EXPECT_INT(run_virtual(inherit), 0);
	EXPECT_INT(aw_context_get(&key, NULL), -ENOENT);
}

static aw_status rebind(void *ud) {
	(void)ud;
	EXPECT(aw_context_set(&key, "1", say_destroyed) >= 0);
	EXPECT(aw_context_set(&other_key, "kept", NULL) >= 0);
	EXPECT(aw_context_set(&key, "2", say_destroyed) >= 0);
	trace_value("now");
	EXPECT_INT(aw_context_unset(&key), 0);
	EXPECT_INT(aw_context_unset(&key), -ENOENT);
	void *value = NULL;
	EXPECT_INT(aw_context_get(&other_key, &value), 0);
	EXPECT_STR(value, "kept");
	EXPECT_STR(trace, "~1 now=2 ~2");
	return 0;
}

static void a_value_is_destroyed_when_no_context_has_it(void) {
	EXPECT_INT(run_virtual(rebind), 0);
}

static aw_status eager_body(void *ud) {
	(void)ud;
	trace_add(aw_task_name(aw_task_current()));
	return aw_return("value", NULL);
}

static aw_status eager_waits(void *ud) {
	(void)ud;
	trace_add("s1");
	EXPECT(aw_sleep(0) >= 0);
	trace_add("s2");
	return 0;
}

static aw_status eager(void *ud) {
	(void)ud;
	aw_task *task;
	aw_task_set_name(aw_task_current(), "main");
	EXPECT_INT(aw_task_spawn_eager(NULL, eager_body, NULL, NULL, &task), 0);
	EXPECT_INT(aw_future_done(aw_task_future(task)), 1);
	EXPECT_STR(aw_task_name(aw_task_current()), "main");
	aw_future_add_done_callback(aw_task_future(task), say_done, "cb", NULL);
	trace_add("not inline");
	aw_task_unref(task);
	EXPECT_INT(aw_task_spawn_eager(NULL, eager_waits, NULL, NULL, &task), 0);
	trace_add("main");
	IGNORED(aw_await(aw_task_future(task), NULL));
	aw_task_unref(task);
	EXPECT(strstr(trace, "not inline s1 main cb s2") != NULL);
	return 0;
}

static void an_eager_task_takes_its_first_step_in_the_call(void) {
	EXPECT_INT(run_virtual(eager), 0);
}

CHECK_MAIN("context", TEST(tasks_and_callbacks_run_in_a_copy),
           TEST(a_value_is_destroyed_when_no_context_has_it),
           TEST(an_eager_task_takes_its_first_step_in_the_call))
