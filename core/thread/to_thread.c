/* SPDX-License-Identifier: MIT */
/*
 * to_thread: run_in_executor on the default executor, in the task's context. The future is private to the
 * coroutine, so its value is moved out. The work starts with the first step: a coroutine that is never driven
 * never runs it.
 */
#include "failure.h"
#include "run_in_executor.h"
#include "task.h"

#include <await/stackless.h>
#include <errno.h>
#include <stdlib.h>

aw_status aw_to_thread(aw_work_fn fn, void *ud, aw_destroy_fn destroy, void **out,
                       aw_destroy_fn *out_destroy) {
	const aw_resume *resume = stackful_here();
	if (!resume || !fn) {
		object_destroy_user(destroy, ud);
		return resume ? failed(-EINVAL) : AW_ENOTASK;
	}
	aw_future *future;
	aw_status status = executor_run(resume->task->future.loop, NULL, fn, ud, destroy, true, NULL, &future);
	if (status < 0) return failed(status);
	status = aw_await(future, NULL);
	if (status == 0) status = aw_future_take_result(future, out, out_destroy);
	object_unref(future);
	return status;
}

typedef struct to_thread {
	aw_frame frame;
	aw_work_fn fn;
	void *ud;
	aw_destroy_fn destroy;
	aw_future *future; /* a reference, once started */
} to_thread;

/* The work takes ownership of the callback. */
static aw_status to_thread_begin(to_thread *self, const aw_task *task) {
	aw_destroy_fn destroy = self->destroy;
	self->destroy = NULL;
	return executor_run(task->future.loop, NULL, self->fn, self->ud, destroy, true, NULL, &self->future);
}

static aw_status to_thread_step(aw_resume *resume, void *ud) {
	to_thread *self = ud;
	void *value = NULL;
	aw_destroy_fn destroy = NULL;
	AW_BEGIN(&self->frame);
	aw_status status = to_thread_begin(self, resume->task);
	if (status < 0) return status;
	AW_AWAIT(&self->frame, resume, self->future);
	if (aw_resume_status(resume) < 0) return aw_resume_raise(resume, aw_resume_error(resume));
	AW_END(&self->frame);
	aw_status status = aw_future_take_result(self->future, &value, &destroy);
	if (status < 0) return status;
	return aw_resume_return(resume, value, destroy);
}

static void to_thread_destroy(void *ud) {
	to_thread *self = ud;
	if (self->future) object_unref(self->future);
	if (self->destroy) self->destroy(self->ud);
	free(self);
}

ENTRY(aw_to_thread_coro, (aw_loop *loop, aw_work_fn fn, void *ud, aw_destroy_fn destroy, aw_coro **out),
      (loop, fn, ud, destroy, out)) {
	to_thread *self;
	aw_status status = fn && out ? 0 : -EINVAL;
	if (status == 0)
		status = coro_internal(loop, to_thread_step, sizeof *self, to_thread_destroy, &self, out);
	if (status < 0) {
		object_destroy_user(destroy, ud);
		return status;
	}
	self->fn = fn;
	self->ud = ud;
	self->destroy = destroy;
	return 0;
}
