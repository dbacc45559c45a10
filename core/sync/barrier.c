/* SPDX-License-Identifier: MIT */
/*
 * Barrier, built on a condition. Once full it drains: all parties leave before the next round fills. A reset
 * breaks the current round; an abort breaks the barrier permanently.
 */
#include "condition.h"

#include "failure.h"
#include "task.h"

#include <await/stackless.h>
#include <errno.h>
#include <stdlib.h>

enum barrier_state { BARRIER_FILLING, BARRIER_DRAINING, BARRIER_RESETTING, BARRIER_BROKEN };

struct aw_barrier {
	object base;
	aw_loop *loop;
	aw_condition *condition; /* a reference */
	int32_t parties, count;
	uint8_t state;
};

static void barrier_release(object *base) {
	object_unref(((aw_barrier *)base)->condition);
	object_free(base);
}

static const object_class barrier_class = {
	.name = "barrier", .size = sizeof(aw_barrier), .release = barrier_release};

/* A wait, reset or abort. Each takes the condition's lock first. */
typedef struct barrier_op {
	aw_frame frame;
	aw_barrier *barrier; /* a reference */
	aw_coro *inner;      /* a reference: the acquire or wait in progress */
	int32_t index;
	bool locked, counted;
} barrier_op;

static void inner_drop(barrier_op *self) {
	if (self->inner) object_unref(self->inner);
	self->inner = NULL;
}

/* Drops out of the count and releases the lock. The last party out opens the barrier for the next round. */
static void barrier_op_leave(barrier_op *self) {
	aw_barrier *barrier = self->barrier;
	if (self->counted && --barrier->count == 0) {
		if (barrier->state != BARRIER_BROKEN) barrier->state = BARRIER_FILLING;
		condition_notify(barrier->condition, SIZE_MAX);
	}
	self->counted = false;
	if (self->locked) aw_lock_release(barrier->condition->lock);
	self->locked = false;
}

static aw_status barrier_op_fail(barrier_op *self, aw_resume *resume, aw_error *error) {
	barrier_op_leave(self);
	return aw_resume_raise(resume, error);
}

static bool is_leaving(const aw_barrier *barrier) {
	return barrier->state == BARRIER_DRAINING || barrier->state == BARRIER_RESETTING;
}

static aw_status wait_step(aw_resume *resume, void *ud) {
	barrier_op *self = ud;
	aw_barrier *barrier = self->barrier;
	AW_BEGIN(&self->frame);
	if (aw_lock_acquire_coro(barrier->condition->lock, &self->inner) < 0) return -ENOMEM;
	AW_AWAIT_CORO(&self->frame, resume, self->inner);
	inner_drop(self);
	if (aw_resume_status(resume) < 0) return wait_queue_raise(resume);
	self->locked = true;
	while (is_leaving(barrier)) {
		if (aw_condition_wait_coro(barrier->condition, &self->inner) < 0)
			return barrier_op_fail(self, resume, error_of(-ENOMEM));
		AW_AWAIT_CORO(&self->frame, resume, self->inner);
		inner_drop(self);
		if (aw_resume_status(resume) < 0) return barrier_op_fail(self, resume, aw_resume_error(resume));
	}
	if (barrier->state == BARRIER_BROKEN) return barrier_op_fail(self, resume, error_of(AW_EBROKENBARRIER));
	self->index = barrier->count++;
	self->counted = true;
	if (self->index + 1 == barrier->parties) {
		barrier->state = BARRIER_DRAINING;
		condition_notify(barrier->condition, SIZE_MAX);
	} else {
		while (barrier->state == BARRIER_FILLING) {
			if (aw_condition_wait_coro(barrier->condition, &self->inner) < 0)
				return barrier_op_fail(self, resume, error_of(-ENOMEM));
			AW_AWAIT_CORO(&self->frame, resume, self->inner);
			inner_drop(self);
			if (aw_resume_status(resume) < 0) return barrier_op_fail(self, resume, aw_resume_error(resume));
		}
		if (barrier->state != BARRIER_DRAINING)
			return barrier_op_fail(self, resume, error_of(AW_EBROKENBARRIER));
	}
	barrier_op_leave(self);
	AW_END(&self->frame);
	return aw_resume_return(resume, (void *)(intptr_t)self->index, value_integer);
}

/* Acquires the lock and sets the barrier to `state`. */
static aw_status break_step(aw_resume *resume, barrier_op *self, enum barrier_state state) {
	aw_barrier *barrier = self->barrier;
	AW_BEGIN(&self->frame);
	if (aw_lock_acquire_coro(barrier->condition->lock, &self->inner) < 0) return -ENOMEM;
	AW_AWAIT_CORO(&self->frame, resume, self->inner);
	inner_drop(self);
	if (aw_resume_status(resume) < 0) return wait_queue_raise(resume);
	self->locked = true;
	barrier->state = (uint8_t)(state == BARRIER_RESETTING && barrier->count == 0 ? BARRIER_FILLING : state);
	condition_notify(barrier->condition, SIZE_MAX);
	barrier_op_leave(self);
	AW_END(&self->frame);
	return 0;
}

static aw_status reset_step(aw_resume *resume, void *ud) {
	return break_step(resume, ud, BARRIER_RESETTING);
}

static aw_status abort_step(aw_resume *resume, void *ud) {
	return break_step(resume, ud, BARRIER_BROKEN);
}

static void barrier_op_destroy(void *ud) {
	barrier_op *self = ud;
	inner_drop(self);
	barrier_op_leave(self);
	object_unref(self->barrier);
	free(self);
}

static aw_status barrier_op_new(aw_barrier *barrier, aw_step_fn step, const void *origin, aw_coro **out) {
	aw_status status = object_is(barrier, &barrier_class) ? loop_check(barrier->loop) : AW_EBADHANDLE;
	if (status < 0) return status;
	if (!out) return -EINVAL;
	barrier_op *self;
	status = coro_internal_from(origin, barrier->loop, step, sizeof *self, barrier_op_destroy, &self, out);
	if (status == 0) self->barrier = object_ref(barrier);
	return status;
}

static aw_status barrier_op_run(aw_barrier *barrier, aw_step_fn step, void **out) {
	return AWAIT_CORO(out, barrier_op_new, barrier, step, NULL);
}

ENTRY(aw_barrier_new, (aw_loop *loop, int32_t parties, aw_barrier **out), (loop, parties, out)) {
	aw_status status = loop_resolve(&loop);
	if (status < 0) return status;
	if (!out || parties < 1) return -EINVAL;
	aw_condition *condition;
	status = condition_create(loop, NULL, &condition);
	if (status < 0) return status;
	aw_barrier *self = object_new(&loop->domain, &barrier_class);
	if (!self) {
		object_unref(condition);
		return -ENOMEM;
	}
	self->loop = loop;
	self->condition = condition;
	condition->barrier = self;
	self->parties = parties;
	*out = object_hand_out(self, CALLER);
	return 0;
}

REFERENCES(aw_barrier, object_is(self, &barrier_class))

ENTRY(aw_barrier_wait_coro, (aw_barrier *barrier, aw_coro **out), (barrier, out)) {
	return barrier_op_new(barrier, wait_step, CALLER, out);
}

aw_status aw_barrier_wait(aw_barrier *barrier) {
	void *index = NULL;
	aw_status status = barrier_op_run(barrier, wait_step, &index);
	return status < 0 ? status : (aw_status)(intptr_t)index;
}

ENTRY(aw_barrier_reset_coro, (aw_barrier *barrier, aw_coro **out), (barrier, out)) {
	return barrier_op_new(barrier, reset_step, CALLER, out);
}

aw_status aw_barrier_reset(aw_barrier *barrier) {
	return barrier_op_run(barrier, reset_step, NULL);
}

ENTRY(aw_barrier_abort_coro, (aw_barrier *barrier, aw_coro **out), (barrier, out)) {
	return barrier_op_new(barrier, abort_step, CALLER, out);
}

aw_status aw_barrier_abort(aw_barrier *barrier) {
	return barrier_op_run(barrier, abort_step, NULL);
}

int32_t aw_barrier_parties(const aw_barrier *barrier) {
	return object_is(barrier, &barrier_class) ? barrier->parties : 0;
}

int32_t aw_barrier_n_waiting(const aw_barrier *barrier) {
	return object_is(barrier, &barrier_class) && barrier->state == BARRIER_FILLING ? barrier->count : 0;
}

aw_bool aw_barrier_broken(const aw_barrier *barrier) {
	return object_is(barrier, &barrier_class) && barrier->state == BARRIER_BROKEN;
}
