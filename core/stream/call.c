/* SPDX-License-Identifier: MIT */
/* Calls that wait on a stream. */
#include "call.h"

#include "coro.h"
#include "error.h"
#include "failure.h"
#include "task.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static void describe_wait(const aw_future *wakeup, future_description *out) {
	const aw_stream *stream = wait_owner(wakeup);
	snprintf(out->text, sizeof out->text, "%s %p", stream->methods->name, (const void *)stream);
}

static const future_kind wait_kind = {.what = "stream", .describe = describe_wait};

/* The error that ended the connection, if that is what the call failed with, or NULL. */
static aw_error *error_for(const aw_stream *stream, aw_status status) {
	return status < 0 && stream->error && aw_error_status(stream->error) == status ? stream->error : NULL;
}

static aw_status begin(stream_call *self, bool is_valid) {
	aw_status status = stream_check(self->stream);
	if (status == 0 && !is_valid) status = -EINVAL;
	if (status == 0 && self->verb->begin) status = self->verb->begin(self);
	self->begun = status == 0;
	return status;
}

static inline void end_call(stream_call *self) {
	if (!self->begun) return;
	self->begun = false;
	if (self->verb->ended) self->verb->ended(self);
}

static void ended(stream_call *self) {
	wait_queue_leave(&self->waiter);
	end_call(self);
}

static aw_status join(stream_call *self, wait_queue *queue) {
	return wait_queue_join(queue, &self->waiter, &wait_kind, self->stream, self->stream->loop);
}

static void drop_streams(stream_call *self) {
	object_unref(self->stream);
	if (self->other) object_unref(self->other);
}

/* Ends a call that is in no queue. */
static inline void leave(stream_call *self) {
	end_call(self);
	drop_streams(self);
}

aw_status stream_call_now(stream_call *self, bool is_valid) {
	stackful *task = stackful_current();
	if (!task) return AW_ENOTASK;
	aw_status status = begin(self, is_valid);
	if (status < 0) return failed(status);
	object_ref(self->stream);
	if (self->other) object_ref(self->other);
	while ((status = self->verb->attempt(self)) == -EAGAIN) {
		wait_queue *queue = self->verb->queue(self);
		/* The waiter and its future are here on the stack. */
		if (queue)
			status = wait_queue_wait(queue, &self->waiter, &wait_kind, self->stream, self->stream->loop);
		else
			status = task_yield(task);
		if (__builtin_expect(status < 0, 0)) {
			leave(self);
			return status; /* noted by the wait */
		}
		task_prefetch_next(self->stream->loop);
	}
	if (__builtin_expect(status < 0, 0)) {
		aw_error *error = error_for(self->stream, status);
		if (error)
			failed_with(error);
		else
			failed(status);
	} else if (task->failure) {
		failure_forget();
	}
	leave(self);
	return status;
}

static aw_status call_step(aw_resume *resume, void *ud) {
	stream_call *self = ud;
	wait_queue *queue;
	AW_BEGIN(&self->frame);
	if (aw_resume_status(resume) < 0) return aw_resume_raise(resume, aw_resume_error(resume));
	self->result = begin(self, true);
	if (self->result < 0) return self->result;
	while ((self->result = self->verb->attempt(self)) == -EAGAIN) {
		queue = self->verb->queue(self);
		if (queue) {
			self->result = join(self, queue);
			if (self->result < 0) break;
			AW_AWAIT(&self->frame, resume, self->waiter.wakeup);
			wait_queue_leave(&self->waiter);
		} else {
			AW_YIELD(&self->frame, resume);
		}
		if (aw_resume_status(resume) < 0) {
			ended(self);
			return aw_resume_raise(resume, aw_resume_error(resume));
		}
	}
	ended(self);
	AW_END(&self->frame);
	if (error_for(self->stream, self->result))
		return aw_resume_raise(resume, error_for(self->stream, self->result));
	if (self->result < 0) return self->result;
	return aw_resume_return(resume, (void *)(intptr_t)self->result, value_integer);
}

static void call_destroy(void *ud) {
	stream_call *self = ud;
	ended(self);
	drop_streams(self);
	free(self);
}

aw_status stream_call_later(const stream_call *call, bool is_valid, const void *origin, aw_coro **out) {
	aw_status status = stream_check(call->stream);
	if (status == 0 && (!is_valid || !out)) status = -EINVAL;
	if (status < 0) return status;
	stream_call *self;
	status =
		coro_internal_from(origin, call->stream->loop, call_step, sizeof *self, call_destroy, &self, out);
	if (status < 0) return status;
	*self = *call;
	if (self->separator) {
		self->separators = self->separator = &self->only; /* the copy's */
	}
	object_ref(self->stream);
	if (self->other) object_ref(self->other);
	return 0;
}
