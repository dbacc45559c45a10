/* SPDX-License-Identifier: MIT */
/* Helpers for the cases about task groups: entering one, adding jobs, and tracing the errors of the group. */
#ifndef CONFORMANCE_GROUP_H
#define CONFORMANCE_GROUP_H

#include "job.h"

/* async with asyncio.TaskGroup() as group. Returns a new reference; the caller must call end_group(). */
static inline aw_taskgroup *begin_group(void) {
	aw_taskgroup *group = NULL;
	must(aw_taskgroup_new(NULL, &group));
	must(aw_taskgroup_enter(group));
	return group;
}

/* group.create_task, without keeping the task. */
static inline void join_group(aw_taskgroup *group, aw_task_fn fn, const void *ud) {
	must(aw_taskgroup_spawn(group, fn, (void *)(uintptr_t)ud, NULL, NULL));
}

/* Exits the group with the status `body` of the block, and drops the reference. */
static inline aw_status end_group(aw_taskgroup *group, aw_status body) {
	aw_status status = aw_taskgroup_exit(group, body, NULL);
	aw_taskgroup_unref(group);
	return status;
}

/* After end_group() failed with AW_EGROUP: the messages of the errors. */
static inline void say_group(aw_status status) {
	if (status != AW_EGROUP) {
		trace("no group: %s", aw_err_name(status));
		return;
	}
	char text[128] = "";
	aw_error *group = aw_caught();
	for (size_t i = 0; i < aw_error_count(group); i++) {
		size_t length = strlen(text);
		snprintf(text + length, sizeof text - length, " %s", aw_error_message(aw_error_get(group, i)));
	}
	trace("ExceptionGroup:%s", text);
}

/* A child that is slow to clean up. */
static inline aw_status run_slow(void *ud) {
	const job *self = (const job *)ud;
	aw_status status = aw_sleep(90 * TICK);
	if (status != AW_ECANCELLED) return status;
	trace("%sX", self->name);
	must(aw_sleep(self->units * TICK));
	trace("%s cleaned", self->name);
	return status;
}

#endif
