/* SPDX-License-Identifier: MIT */
/*
 * L23: a callback runs in the context in which it was scheduled, and a task in a copy of that in which it was
 * made; what they change is not seen outside.
 */
#include "bare.h"

static const char key;

static void set(const char *value) {
	must(aw_context_set(&key, (void *)(uintptr_t)value, NULL));
}

static const char *get(void) {
	void *value = NULL;
	must(aw_context_get(&key, &value));
	return value;
}

static aw_status child(void *ud) {
	(void)ud;
	trace("child %s", get());
	set("child");
	must(aw_sleep(0));
	trace("child %s", get());
	return 0;
}

static aw_status callback(aw_loop *loop, void *future) {
	(void)loop;
	trace("callback %s", get());
	set("callback");
	return aw_future_set_result(future, NULL, NULL);
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	aw_future *future = create_future();
	set("one");
	aw_task *task = create_task(child, NULL);
	set("two");
	call_soon(aw_loop_current(), callback, future);
	set("three");
	must(await_task(task, NULL));
	must(aw_await(future, NULL));
	trace("main %s", get());
	aw_task_unref(task);
	aw_future_unref(future);
	return 0;
}

CASE(trap_L23, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
