/* SPDX-License-Identifier: MIT */
/*
 * An awaited coroutine runs at once and in the same task; a created task runs later, and maybe before it is
 * awaited.
 */
#include "case.h"

static const char *c(const char *n) {
	trace("%s runs in %s", n, aw_task_name(aw_task_current()));
	must(aw_sleep(0));
	return *n == 'a' ? "aa" : "bb";
}

static aw_status c_task(void *ud) {
	return aw_return((void *)(uintptr_t)c(ud), NULL);
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	must(aw_task_set_name(aw_task_current(), "main"));
	trace("%s", c("a"));
	aw_task *t = create_task(c_task, "b");
	must(aw_task_set_name(t, "task-b"));
	trace("created, not run");
	must(aw_sleep(0));
	trace("after one turn");
	void *value = NULL;
	must(await_task(t, &value));
	trace("%s", (char *)value);
	aw_task_unref(t);
	return 0;
}

CASE(s001_09_await_rules_prose, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
