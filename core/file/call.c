/* SPDX-License-Identifier: MIT */
/* How a call on the file system is carried out, awaited and cancelled. */
#include "call.h"

#include "loop_executor.h"
#include "run_in_executor.h"
#include "task.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- operations of the backend --- */

typedef struct file_operation {
	aw_future future;
	operation operation; /* has a reference while in flight */
	aw_error *reason;    /* of a cancellation; a reference */
	uint64_t room[];     /* of the verb */
} file_operation;

/* The memory belongs to the kernel until the completion, so the future waits for that. */
static bool operation_cancel(aw_future *future, aw_error *reason) {
	file_operation *self = (file_operation *)(void *)future;
	if (!self->reason) self->reason = aw_error_ref(reason);
	loop_cancel(future->loop, &self->operation);
	return true;
}

static void operation_release(aw_future *future) {
	aw_error_unref(((file_operation *)(void *)future)->reason);
}

static const future_kind operation_kind = {
	.cancel = operation_cancel, .release = operation_release, .what = "file"};

static void operation_done(operation *ended) {
	file_operation *self = container_of(ended, file_operation, operation);
	if (!loop_closing(self->future.loop)) {
		if (self->reason)
			future_set_cancelled(&self->future, self->reason);
		else
			future_finish(&self->future, NULL, NULL);
	}
	object_unref(self);
}

/* The loop closes, and the caller's memory goes away: only the backend can say when the kernel is done. */
static void operation_settle(file_operation *self) {
	aw_loop *loop = self->future.loop;
	loop_cancel(loop, &self->operation);
	while (self->operation.in_flight)
		if (loop->backend->wait(loop->backend_state, loop_after(loop, 10 * AW_MILLISECOND)) < 0) break;
	if (self->operation.in_flight) self->operation.op.result = -ECANCELED;
}

/* Fails with -EOPNOTSUPP if the backend does not perform the call. */
static aw_status operation_start(file_call *call) {
	const file_verb *verb = call->verb;
	if (call->on_thread || !verb->fill || !(call->loop->backend->capabilities & AW_BACKEND_COMPLETION))
		return -EOPNOTSUPP;
	file_operation *self =
		future_create(call->loop, &future_class, &operation_kind, sizeof *self + verb->room);
	if (!self) return -ENOMEM;
	self->operation.op = (aw_op){.fd = call->fd};
	self->operation.done = operation_done;
	aw_status status = verb->fill(call, &self->operation.op, self->room) ? 0 : -EOPNOTSUPP;
	/* The file stays open until the operation is done. */
	if (status == 0) status = loop_submit_batched(call->loop, &self->operation);
	if (status == 0)
		call->pending = object_ref(self);
	else
		object_unref(self);
	return status;
}

static void operation_returned(file_call *self, file_operation *ended) {
	int64_t result = ended->operation.op.result;
	/* The file system can't, as the thread will find as well; or the kernel has no thread, and the loop may. */
	bool is_left = result == -EOPNOTSUPP || result == -EAGAIN;
	if (self->interrupted) {
		if (result == -EINTR || is_left) result = -ECANCELED;
	} else if (is_left) {
		self->on_thread = true;
		return;
	} else if (result == -EINTR && !(self->verb->traits & FILE_ONCE)) {
		return;
	}
	self->ran = self->over = true;
	self->result = result;
	if (self->verb->returned) self->verb->returned(self, ended->room);
}

/* --- the course of a call --- */

static aw_status call_run(void *ud, void **out, aw_destroy_fn *out_destroy) {
	file_call *self = ud;
	(void)out;
	(void)out_destroy;
	self->verb->run(self);
	self->ran = true;
	return 0;
}

/* Checks the call, and counts it as in progress. */
static aw_status call_begin(file_call *self) {
	aw_file *file = self->file;
	unsigned traits = self->verb->traits;
	if (file) {
		if (!file_is(file)) return AW_EBADHANDLE;
		if (file->loop != self->loop) return AW_EFOREIGNLOOP;
		if (file->fd < 0) return -EBADF;
		if ((traits & FILE_SEQUENTIAL && file->in_sequence) || (traits & FILE_CLOSES && file->calls))
			return -EBUSY;
		if (file->unseen && (traits & (FILE_WRITES | FILE_CLOSES)) == FILE_WRITES) {
			aw_status unseen = file->unseen;
			file->unseen = 0;
			return unseen;
		}
		object_ref(file);
		file->calls++;
		if (traits & FILE_SEQUENTIAL) {
			file->in_sequence = true;
			self->offset = file->appends && traits & FILE_WRITES ? -1 : file->position;
		}
		self->fd = file->fd;
		if (traits & FILE_CLOSES) file->fd = -1;
	}
	aw_status status = self->verb->begin ? self->verb->begin(self) : 0;
	self->begun = status == 0;
	return status;
}

/* Starts what is to be awaited next; false: the call is over. */
static bool call_start(file_call *self) {
	const file_verb *verb = self->verb;
	if (self->over || self->interrupted) return false;
	if (!self->tried && verb->attempt) {
		self->tried = true;
		self->over = verb->attempt(self);
		if (self->over) return false;
	}
	aw_executor *executor;
	aw_status status = operation_start(self);
	self->in_ring = status == 0;
	if (self->in_ring) return true;
	status = loop_executor_of(self->loop, &self->loop->files, LOOP_FILE_THREADS, true, &executor);
	if (status == 0) status = executor_run_whole(self->loop, executor, call_run, self, &self->pending);
	if (status == 0) return true;
	self->over = true;
	self->result = status;
	return false;
}

/* The await has ended with `status`. From here on nothing else uses the call's memory. */
static void call_collect(file_call *self, aw_status status) {
	aw_future *pending = self->pending;
	self->pending = NULL;
	if (status < 0) self->interrupted = status;
	if (self->in_ring) {
		file_operation *ended = (file_operation *)(void *)pending;
		if (!future_is_done(pending)) operation_settle(ended);
		operation_returned(self, ended);
	} else {
		if (!future_is_done(pending)) executor_settle(pending);
		self->over = true;
		if (!self->ran) self->result = -ECANCELED;
	}
	object_unref(pending);
}

/* After a failure that needs a message: the paths, and what went wrong. */
static void call_explain(file_call *self) {
	char text[512];
	const char *what = aw_strerror((aw_status)self->result);
	if (self->path2)
		snprintf(text, sizeof text, "%.200s, %.200s: %s", self->path, self->path2, what);
	else
		snprintf(text, sizeof text, "%.400s: %s", self->path, what);
	self->error = error_with_message(&domain_none, (aw_status)self->result, text);
}

static void call_end(file_call *self) {
	aw_file *file = self->file;
	unsigned traits = self->verb->traits;
	if (!self->begun) return;
	self->begun = false;
	if (traits & FILE_CLOSES && !self->ran) self->verb->run(self);
	if (self->verb->end) self->verb->end(self);
	if (self->result > INT32_MAX) self->result = INT32_MAX;
	if (file) {
		file->calls--;
		if (traits & FILE_SEQUENTIAL) file->in_sequence = false;
		bool failed_unseen = self->interrupted && self->ran && self->result < 0;
		if (failed_unseen && traits & FILE_WRITES && self->result != -ECANCELED)
			file->unseen = (aw_status)self->result;
		object_unref(file);
	}
	if (self->result < 0 && !self->interrupted && traits & FILE_PATHS) call_explain(self);
}

aw_status file_call_now(file_call *self) {
	const aw_resume *resume = stackful_here();
	if (!resume) return AW_ENOTASK;
	self->loop = resume->task->future.loop;
	aw_status status = call_begin(self);
	if (status < 0) return failed(status);
	while (call_start(self)) call_collect(self, aw_await(self->pending, NULL));
	call_end(self);
	if (self->interrupted) return self->interrupted;
	if (!self->error) return await_ended(stackful_here(), (aw_status)self->result);
	status = failed_with(self->error);
	aw_error_unref(self->error);
	return status;
}

/* --- coroutines --- */

static aw_status call_answer(file_call *self, aw_resume *resume) {
	if (self->error) return aw_resume_raise(resume, self->error);
	if (self->result < 0) return (aw_status)self->result;
	void *value = (void *)(intptr_t)self->result;
	aw_destroy_fn destroy = value_integer;
	if (self->verb->value) value = self->verb->value(self, &destroy);
	return aw_resume_return(resume, value, destroy);
}

static aw_status call_step(aw_resume *resume, void *ud) {
	file_call *self = ud;
	AW_BEGIN(&self->frame);
	self->result = call_begin(self);
	if (self->result < 0) return (aw_status)self->result;
	while (call_start(self)) {
		AW_AWAIT(&self->frame, resume, self->pending);
		call_collect(self, aw_resume_status(resume));
	}
	AW_END(&self->frame);
	call_end(self);
	if (self->interrupted) return aw_resume_raise(resume, aw_resume_error(resume));
	return call_answer(self, resume);
}

/* Also of one that has not ended, when the loop closes. */
static void call_destroy(void *ud) {
	file_call *self = ud;
	if (self->pending) call_collect(self, AW_ELOOPCLOSED);
	call_end(self);
	if (self->verb->release) self->verb->release(self);
	aw_error_unref(self->error);
	if (self->file) object_unref(self->file);
	free(self->path);
	free(self->path2);
	free(self);
}

aw_status file_call_later(aw_loop *loop, const file_call *call, aw_coro **out) {
	aw_status status = loop_resolve(&loop);
	if (status == 0 && !out) status = -EINVAL;
	if (status == 0 && call->file) {
		status = file_is(call->file) ? 0 : AW_EBADHANDLE;
		if (status == 0 && call->file->loop != loop) status = AW_EFOREIGNLOOP;
	}
	if (status < 0) return status;
	char *path = call->path ? strdup(call->path) : NULL, *path2 = call->path2 ? strdup(call->path2) : NULL;
	file_call *self;
	status = (call->path && !path) || (call->path2 && !path2) ? -ENOMEM : 0;
	if (status == 0)
		status = coro_internal_from(call->origin, loop, call_step, sizeof *self, call_destroy, &self, out);
	if (status < 0) {
		free(path);
		free(path2);
		return status;
	}
	*self = *call;
	self->loop = loop;
	self->path = path;
	self->path2 = path2;
	if (self->file) object_ref(self->file);
	return 0;
}
