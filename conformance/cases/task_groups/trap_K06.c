/* SPDX-License-Identifier: MIT */
/*
 * K06: a group takes no tasks before it is entered, while it shuts down, and when it is finished. After its
 * body has ended its children may still add some.
 */
#include "group.h"

static const job late = {"late", 1, 0};

static aw_status nothing(void *ud) {
	(void)ud;
	return 0;
}

static void attempt(const char *when, aw_taskgroup *group) {
	aw_status status = aw_taskgroup_spawn(group, nothing, NULL, NULL, NULL);
	const char *what = status == AW_EINVALIDSTATE ? "refused" : aw_err_name(status);
	trace("%s %s", when, status >= 0 ? "taken" : what);
}

static aw_status adder(void *group) {
	must(aw_sleep(TICK));
	join_group(group, run_job, &late);
	return 0;
}

static aw_status cancelled(void *group) {
	aw_status status = aw_sleep(90 * TICK);
	attempt("shutting down", group);
	return status;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	aw_taskgroup *group = NULL;
	must(aw_taskgroup_new(NULL, &group));
	attempt("not entered", group);
	must(aw_taskgroup_enter(group));
	join_group(group, adder, group);
	trace("body ends");
	must(aw_taskgroup_exit(group, 0, NULL));
	attempt("finished", group);
	aw_taskgroup_unref(group);
	group = begin_group();
	join_group(group, cancelled, group);
	must(aw_sleep(0));
	if (end_group(group, aw_raise(-ENOENT, NULL)) == AW_EGROUP) trace("ExceptionGroup");
	return 0;
}

CASE(trap_K06, 0.4, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
