/* SPDX-License-Identifier: MIT */
/* Coroutine objects, and what a step returns. */
#include "coro.h"

#include "failure.h"
#include "report.h"

#include <errno.h>
#include <stdlib.h>

static void coro_release(object *base) {
	aw_coro *self = (aw_coro *)base;
	if (!self->taken) report_never_awaited(coro_loop(self), self->origin);
	coro_end(self);
	object_destroy_user(self->value_destroy, self->value);
	object_free(base);
}

const object_class coro_class = {.name = "coroutine", .size = sizeof(aw_coro), .release = coro_release};

void coro_end(aw_coro *self) {
	if (self->state == CORO_ENDED) return;
	aw_destroy_fn destroy = self->destroy;
	void *ud = self->ud;
	self->state = CORO_ENDED;
	self->destroy = NULL;
	self->ud = NULL;
	object_destroy_user(destroy, ud);
}

aw_status coro_make(aw_loop *loop, aw_step_fn fn, void *ud, aw_destroy_fn destroy, const void *origin,
                    aw_coro **out) {
	aw_status status = loop_resolve(&loop);
	if (status == 0 && (!fn || !out)) status = -EINVAL;
	aw_coro *self = status < 0 ? NULL : object_new(&loop->domain, &coro_class);
	if (!self) {
		object_destroy_user(destroy, ud);
		return status < 0 ? status : -ENOMEM;
	}
	self->fn = fn;
	self->ud = ud;
	self->destroy = destroy;
	self->origin = origin;
	*out = self;
	return 0;
}

aw_status coro_whole(aw_loop *loop, aw_step_fn fn, size_t size, void (*destroy)(void *self),
                     const void *origin, aw_coro **out) {
	aw_status status = loop_resolve(&loop);
	if (status < 0) return status;
	if (!out) return -EINVAL;
	aw_coro *self = object_new_sized(&loop->domain, &coro_class, size);
	if (!self) return -ENOMEM;
	self->fn = fn;
	self->ud = self;
	self->destroy = destroy;
	self->origin = origin;
	*out = object_hand_out(self, origin);
	return 0;
}

ENTRY(aw_coro_new, (aw_loop *loop, aw_step_fn fn, void *ud, aw_destroy_fn destroy, aw_coro **out),
      (loop, fn, ud, destroy, out)) {
	aw_status status = coro_make(loop, fn, ud, destroy, CALLER, out);
	if (status == 0) object_hand_out(*out, CALLER);
	return status;
}

aw_status coro_internal_from(const void *origin, aw_loop *loop, aw_step_fn fn, size_t size,
                             void (*destroy)(void *state), void *out_state, aw_coro **out) {
	void *state = calloc(1, size);
	if (!state) return -ENOMEM;
	aw_status status = coro_make(loop, fn, state, NULL, origin, out);
	if (status < 0) {
		free(state);
		return status;
	}
	(*out)->destroy = destroy; /* only now: on failure it would see a zeroed state */
	object_hand_out(*out, origin);
	*(void **)out_state = state;
	return 0;
}

REFERENCES(aw_coro, object_is(self, &coro_class))

aw_status aw_resume_status(const aw_resume *resume) {
	return resume ? resume->status : AW_EBADHANDLE;
}

void *aw_resume_value(const aw_resume *resume) {
	return resume ? resume->value : NULL;
}

int32_t aw_resume_value_kind(const aw_resume *resume) {
	return resume ? value_kind(resume->value_destroy) : AW_VALUE_POINTER;
}

aw_error *aw_resume_error(const aw_resume *resume) {
	return resume ? resume->error : NULL;
}

aw_task *aw_resume_task(const aw_resume *resume) {
	return resume ? resume->task : NULL;
}

/* A step answers once; a second answer is refused. */
static aw_status answer_check(const aw_resume *resume) {
	if (!resume) return AW_EBADHANDLE;
	return resume->answer == RESUME_NONE ? 0 : AW_EINVALIDSTATE;
}

ENTRY(aw_resume_return, (aw_resume *resume, void *value, aw_destroy_fn destroy), (resume, value, destroy)) {
	aw_status status = answer_check(resume);
	if (status < 0) return status;
	resume->answer = RESUME_RETURN;
	resume->returned.data = value;
	resume->returned.destroy = destroy;
	return 0;
}

aw_status aw_resume_raise(aw_resume *resume, aw_error *error) {
	aw_status status = answer_check(resume);
	if (status < 0) return status;
	if (!object_is(error, &error_class)) return AW_EBADHANDLE;
	resume->answer = RESUME_RAISE;
	resume->raised = aw_error_ref(error);
	return error->status;
}

ENTRY(aw_resume_await, (aw_resume *resume, aw_future *future), (resume, future)) {
	aw_status status = answer_check(resume);
	if (status < 0) return status;
	if (!future_is(future)) return AW_EBADHANDLE;
	resume->answer = RESUME_AWAIT;
	resume->awaited = object_ref(future);
	return 0;
}

ENTRY(aw_resume_delegate, (aw_resume *resume, aw_coro *coro), (resume, coro)) {
	aw_status status = answer_check(resume);
	if (status < 0) return status;
	if (!object_is(coro, &coro_class)) return AW_EBADHANDLE;
	resume->answer = RESUME_DELEGATE;
	resume->delegated = object_ref(coro);
	return 0;
}

ENTRY(aw_resume_yield, (aw_resume *resume), (resume)) {
	aw_status status = answer_check(resume);
	if (status == 0) resume->answer = RESUME_YIELD;
	return status;
}
