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
#include <sys/resource.h>
#include <unistd.h>

enum { FILE_THREADS = 8 };

/* --- operations of the backend --- */

typedef struct file_operation {
	aw_future future;
	operation operation; /* has a reference while in flight */
	aw_error *reason;    /* of a cancellation; a reference */
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
}

static aw_status operation_start(file_call *call) {
	file_operation *self = future_create(call->loop, &future_class, &operation_kind, sizeof *self);
	if (!self) return -ENOMEM;
	bool transfers = call->verb->op != AW_OP_FSYNC;
	self->operation.op = (aw_op){.kind = call->verb->op, .fd = call->fd, .offset = call->offset};
	if (transfers) {
		self->operation.op.buffer = call->buffer + call->done;
		self->operation.op.length = call->length - call->done;
		if (call->offset >= 0) self->operation.op.offset += (int64_t)call->done;
	}
	self->operation.done = operation_done;
	/* The file stays open until the operation is done. */
	aw_status status = loop_submit_batched(call->loop, &self->operation);
	if (status == 0)
		call->pending = object_ref(self);
	else
		object_unref(self);
	return status;
}

/* Whether the backend performs this call. */
static bool in_backend(const file_call *self) {
	if (!self->verb->op || !(self->loop->backend->capabilities & AW_BACKEND_COMPLETION)) return false;
	if (self->verb->op == AW_OP_FSYNC) return !(self->flags & AW_FILE_SYNC_DATA);
	if (self->parts) return false;
	struct rlimit limit;
	/* Beyond a limit of size the kernel would send SIGXFSZ to this thread; others have it blocked. */
	return self->verb->op != AW_OP_WRITE ||
	       (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur == RLIM_INFINITY);
}

/* An operation has returned. A write continues until everything is written. */
static void operation_returned(file_call *self, int64_t result) {
	self->ran = true;
	self->result = result;
	self->over = true;
	if (self->verb->op != AW_OP_WRITE || result < 0) return;
	self->done += (uint64_t)result;
	self->over = result == 0 || self->done == self->length;
	self->result = result == 0 && self->length ? -EIO : 0;
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
	self->in_ring = in_backend(self) && operation_start(self) == 0;
	if (self->in_ring) return true;
	aw_executor *executor;
	aw_status status = loop_executor_of(self->loop, &self->loop->files, FILE_THREADS, true, &executor);
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
		operation_returned(self, ended->operation.op.result);
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
