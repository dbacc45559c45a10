/* SPDX-License-Identifier: MIT */
/*
 * K08: an AW_ESYSTEMEXIT of the body or of a child is not wrapped in AW_EGROUP. That of a child leaves the
 * loop at once.
 */
#include "group.h"

static aw_status told(aw_status status) {
	trace("group: %s", status == AW_ESYSTEMEXIT ? "SystemExit" : aw_err_name(status));
	return status;
}

static aw_status body_exits(void *ud) {
	(void)ud;
	job a = {"a", 90, 0};
	aw_taskgroup *group = begin_group();
	join_group(group, run_job, &a);
	must(aw_sleep(0));
	return told(end_group(group, AW_ESYSTEMEXIT));
}

static aw_status exits(void *ud) {
	(void)ud;
	trace("child exits");
	return AW_ESYSTEMEXIT;
}

static aw_status child_exits(void *ud) {
	(void)ud;
	job b = {"b", 90, 0};
	aw_taskgroup *group = begin_group();
	join_group(group, run_job, &b);
	join_group(group, exits, NULL);
	return told(end_group(group, 0));
}

CASE(trap_K08, 0.0, CASE_ANY) {
	aw_task_fn programs[] = {body_exits, child_exits};
	for (size_t i = 0; i < 2; i++)
		if (aw_run(NULL, programs[i], NULL, NULL, NULL) == AW_ESYSTEMEXIT) trace("run: SystemExit");
	return 0;
}
