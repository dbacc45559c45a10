/* SPDX-License-Identifier: MIT */
/*
 * A task used by many cases: it traces "a+" when it starts, "a-" when it ends and "aX" when it is cancelled.
 */
#ifndef CONFORMANCE_JOB_H
#define CONFORMANCE_JOB_H

#include "case.h"

/* The time unit of jobs, long enough to tell one from two on a busy machine. */
#define U (200 * AW_MILLISECOND)

typedef struct job {
	const char *name;
	int units;
	aw_status error; /* fails with this, with the name as the message; or 0 */
} job;

static inline aw_status run_job(void *ud) {
	const job *self = (const job *)ud;
	trace("%s+", self->name);
	aw_status status = aw_sleep(self->units * U);
	if (status == AW_ECANCELLED) trace("%sX", self->name);
	if (status < 0) return status;
	if (self->error) return aw_raise(self->error, self->name);
	trace("%s-", self->name);
	return aw_return((void *)(uintptr_t)self->name, NULL);
}

/* asyncio.create_task(job(...)); the job must outlive it. */
static inline aw_task *start_job(const job *self) {
	return create_task(run_job, self);
}

/* The name that a job returned, or the name of its error. */
static inline const char *outcome(aw_future *future) {
	void *value = NULL;
	aw_status status = aw_future_result(future, &value);
	return status < 0 ? aw_err_name(status) : (const char *)value;
}

/* Callback: task.cancel. */
static inline aw_status cancel_task(aw_loop *loop, void *task) {
	(void)loop;
	return aw_task_cancel(task, NULL);
}

#endif
