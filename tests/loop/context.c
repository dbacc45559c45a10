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

/* --- from outside --- */

static const char *in_task(const aw_task *task) {
	void *value = "unset";
	IGNORED(aw_task_context_get(task, &key, &value));
	return value;
}

static const char *in_handle(const aw_handle *handle) {
	void *value = "unset";
	IGNORED(aw_handle_context_get(handle, &key, &value));
	return value;
}

static aw_status looked_at(void *other) {
	aw_task *self = aw_task_current(), *starter = other;
	EXPECT_STR(in_task(self), "of main");
	EXPECT(aw_context_set(&key, "of child", NULL) >= 0);
	EXPECT_STR(in_task(self), "of child");
	if (starter) EXPECT_STR(in_task(starter), "of main"); /* which this one interrupts */
	EXPECT(aw_sleep(0) >= 0);
	return 0;
}

static aw_status looks_at_tasks(void *ud) {
	(void)ud;
	aw_task *task = NULL;
	for (int eager = 0; eager < 2; eager++) {
		EXPECT(aw_context_set(&key, "of main", NULL) >= 0);
		if (eager) {
			EXPECT_INT(aw_task_spawn_eager(NULL, looked_at, aw_task_current(), NULL, &task), 0);
		} else {
			EXPECT_INT(aw_task_spawn(NULL, looked_at, NULL, NULL, &task), 0);
			EXPECT_STR(in_task(task), "of main");
			EXPECT(aw_context_set(&key, "later", NULL) >= 0);
			EXPECT_STR(in_task(task), "of main");
			EXPECT_STR(in_task(aw_task_current()), "later");
			EXPECT(aw_sleep(0) >= 0);
		}
		EXPECT_STR(in_task(task), "of child");
		EXPECT_STR(in_task(aw_task_current()), eager ? "of main" : "later");
		EXPECT_INT(aw_await(aw_task_future(task), NULL), 0);
		EXPECT_STR(in_task(task), "of child");
		EXPECT_INT(aw_task_context_get(task, &other_key, NULL), -ENOENT);
		EXPECT_INT(aw_task_context_get(task, NULL, NULL), -ENOENT);
		aw_task_unref(task);
	}
	return 0;
}

static void the_context_of_a_task_is_seen_from_outside(void) {
	EXPECT_INT(run_virtual(looks_at_tasks), 0);
}

static aw_handle *watched;

static aw_status eager_looks(void *ud) {
	(void)ud;
	EXPECT(aw_context_set(&key, "of eager", NULL) >= 0);
	EXPECT_STR(in_handle(watched), "of callback");
	return 0;
}

static aw_status looks_at_itself(aw_loop *loop, void *ud) {
	(void)ud;
	EXPECT_STR(in_handle(watched), "of main");
	EXPECT(aw_context_set(&key, "of callback", NULL) >= 0);
	EXPECT_STR(in_handle(watched), "of callback");
	EXPECT_INT(aw_task_spawn_eager(loop, eager_looks, NULL, NULL, NULL), 0);
	EXPECT_STR(in_handle(watched), "of callback");
	return 0;
}

static aw_status looks_at_handles(void *ud) {
	(void)ud;
	EXPECT(aw_context_set(&key, "of main", NULL) >= 0);
	EXPECT_INT(aw_loop_call_soon(aw_loop_current(), looks_at_itself, NULL, NULL, &watched), 0);
	EXPECT(aw_context_set(&key, "later", NULL) >= 0);
	EXPECT_STR(in_handle(watched), "of main");
	EXPECT_INT(aw_handle_context_get(watched, &other_key, NULL), -ENOENT);
	EXPECT(aw_sleep(0) >= 0);
	EXPECT_INT(aw_handle_context_get(watched, &key, NULL), AW_EINVALIDSTATE);
	aw_handle_unref(watched);
	return 0;
}

static void the_context_of_a_callback_is_seen_from_outside(void) {
	EXPECT_INT(run_virtual(looks_at_handles), 0);
}

CHECK_MAIN("context", TEST(tasks_and_callbacks_run_in_a_copy),
           TEST(a_value_is_destroyed_when_no_context_has_it),
           TEST(an_eager_task_takes_its_first_step_in_the_call),
           TEST(the_context_of_a_task_is_seen_from_outside),
           TEST(the_context_of_a_callback_is_seen_from_outside))
