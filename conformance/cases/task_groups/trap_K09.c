/* SPDX-License-Identifier: MIT */
/*
 * K09: the failure of a group in a child task is a group within the outer group's, whose other children are
 * cancelled. That of a group within the body, which the body handles, does not affect the outer one.
 */
#include "group.h"

static const job x = {"x", 1, -EINVAL};

static void tell(const char *who, aw_error *error) {
	char text[64] = "";
	aw_error *inner = aw_error_count(error) == 1 ? aw_error_get(error, 0) : NULL;
	if (aw_error_status(inner) == AW_EGROUP && aw_error_count(inner) == 1)
		snprintf(text, sizeof text, "ExceptionGroup(%s)", aw_error_message(aw_error_get(inner, 0)));
	else
		snprintf(text, sizeof text, "%s", aw_error_message(inner));
	trace("%s: ExceptionGroup(%s)", who, text);
}

static aw_status inner_group(void *ud) {
	(void)ud;
	aw_taskgroup *group = begin_group();
	join_group(group, run_job, &x);
	return end_group(group, 0);
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	job b = {"b", 90, 0}, c = {"c", 2, 0};
	aw_taskgroup *group = begin_group();
	join_group(group, inner_group, NULL);
	join_group(group, run_job, &b);
	if (end_group(group, 0) == AW_EGROUP) tell("outer", aw_caught());
	group = begin_group();
	join_group(group, run_job, &c);
	if (inner_group(NULL) == AW_EGROUP) tell("inner", aw_caught());
	must(end_group(group, 0));
	trace("outer: no failure");
	return 0;
}

CASE(trap_K09, 0.6, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
