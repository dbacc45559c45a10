/* SPDX-License-Identifier: MIT */
/*
 * Condition. However the wait ends, the lock is reacquired before the caller resumes; a cancellation
 * meanwhile is kept until then, and the last one wins. A waiter that leaves with an error passes its
 * notification on.
 */
#include "condition.h"

#include "failure.h"
#include "task.h"

#include <await/stackless.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static void condition_release(object *base) {
	object_unref(((aw_condition *)base)->lock);
	object_free(base);
}

const object_class condition_class = {
	.name = "condition", .size = sizeof(aw_condition), .release = condition_release};

void condition_notify(aw_condition *self, size_t count) {
	for (waiter *at = self->waiters.first; at && count > 0; at = at->next) {
		if (future_is_done(at->wakeup)) continue;
		future_finish(at->wakeup, NULL, NULL);
		count--;
	}
}

static void describe_wait(const aw_future *wakeup, future_description *out) {
	const aw_condition *self = wait_owner(wakeup);
	if (self->barrier)
		snprintf(out->text, sizeof out->text, "of barrier %p", self->barrier);
	else
		wait_describe(wakeup, "%p", out);
}

static const future_kind condition_wait_kind = {.what = "condition", .describe = describe_wait};

typedef struct wait_state {
	aw_frame frame;
	aw_condition *condition; /* a reference */
	waiter waiter;
	aw_coro *acquire; /* a reference */
	aw_error *error;  /* raised once the lock is reacquired; a reference */
} wait_state;

static void remember(wait_state *self, aw_error *error) {
	aw_error *old = self->error;
	self->error = aw_error_ref(error);
	aw_error_unref(old);
}

static void acquire_drop(wait_state *self) {
	if (self->acquire) object_unref(self->acquire);
	self->acquire = NULL;
}

static aw_status wait_step(aw_resume *resume, void *ud) {
	wait_state *self = ud;
	aw_condition *condition = self->condition;
	AW_BEGIN(&self->frame);
	if (!condition->lock->locked) return -EPERM;
	if (wait_queue_join(&condition->waiters, &self->waiter, &condition_wait_kind, condition,
	                    condition->loop) < 0)
		return -ENOMEM;
	aw_lock_release(condition->lock);
	AW_AWAIT(&self->frame, resume, self->waiter.wakeup);
	wait_queue_leave(&self->waiter);
	if (aw_resume_status(resume) < 0) remember(self, aw_resume_error(resume));
	for (;;) {
		if (aw_lock_acquire_coro(condition->lock, &self->acquire) < 0) {
			condition_notify(condition, 1);
			return -ENOMEM; /* the only return without the lock */
		}
		AW_AWAIT_CORO(&self->frame, resume, self->acquire);
		acquire_drop(self);
		if (aw_resume_status(resume) != AW_ECANCELLED) break;
		remember(self, aw_resume_error(resume));
	}
	if (aw_resume_status(resume) < 0) remember(self, aw_resume_error(resume));
	if (self->error) {
		condition_notify(condition, 1);
		return aw_resume_raise(resume, self->error);
	}
	AW_END(&self->frame);
	return 0;
}

static void wait_destroy(void *ud) {
	wait_state *self = ud;
	if (wait_queue_leave(&self->waiter)) condition_notify(self->condition, 1);
	acquire_drop(self);
	aw_error_unref(self->error);
	object_unref(self->condition);
	free(self);
}

aw_status condition_create(aw_loop *loop, aw_lock *lock, aw_condition **out) {
	aw_lock *own = NULL;
	aw_status status = lock ? 0 : lock_create(loop, &own);
	if (status < 0) return status;
	aw_condition *self = object_new(&loop->domain, &condition_class);
	if (!self) {
		if (own) object_unref(own);
		return -ENOMEM;
	}
	self->loop = loop;
	self->lock = own ? own : object_ref(lock);
	*out = self;
	return 0;
}

static aw_status condition_check(const aw_condition *condition) {
	return object_is(condition, &condition_class) ? loop_check(condition->loop) : AW_EBADHANDLE;
}

ENTRY(aw_condition_new, (aw_loop *loop, aw_lock *lock, aw_condition **out), (loop, lock, out)) {
	aw_status status = loop_resolve(&loop);
	if (status < 0) return status;
	if (!out) return -EINVAL;
	if (lock && !object_is(lock, &lock_class)) return AW_EBADHANDLE;
	if (lock && lock->loop != loop) return AW_EFOREIGNLOOP;
	status = condition_create(loop, lock, out);
	if (status == 0) object_hand_out(*out, CALLER);
	return status;
}

REFERENCES(aw_condition, object_is(self, &condition_class))

aw_lock *aw_condition_lock(const aw_condition *condition) {
	return object_is(condition, &condition_class) ? condition->lock : NULL;
}

ENTRY(aw_condition_wait_coro, (aw_condition *condition, aw_coro **out), (condition, out)) {
	aw_status status = condition_check(condition);
	if (status < 0) return status;
	if (!out) return -EINVAL;
	wait_state *self;
	status = coro_internal(condition->loop, wait_step, sizeof *self, wait_destroy, &self, out);
	if (status == 0) self->condition = object_ref(condition);
	return status;
}

aw_status aw_condition_wait(aw_condition *condition) {
	return AWAIT_CORO(NULL, aw_condition_wait_coro, condition);
}

ENTRY(aw_condition_acquire_coro, (aw_condition *condition, aw_coro **out), (condition, out)) {
	return object_is(condition, &condition_class) ? aw_lock_acquire_coro(condition->lock, out)
	                                              : AW_EBADHANDLE;
}

aw_status aw_condition_acquire(aw_condition *condition) {
	if (!stackful_here()) return AW_ENOTASK;
	return object_is(condition, &condition_class) ? aw_lock_acquire(condition->lock) : failed(AW_EBADHANDLE);
}

ENTRY(aw_condition_release, (aw_condition *condition), (condition)) {
	return object_is(condition, &condition_class) ? aw_lock_release(condition->lock) : AW_EBADHANDLE;
}

aw_bool aw_condition_locked(const aw_condition *condition) {
	return object_is(condition, &condition_class) && condition->lock->locked;
}

/* --- wait_for --- */

typedef struct wait_for_state {
	aw_frame frame;
	aw_condition *condition; /* a reference */
	aw_predicate_fn fn;
	void *ud;
	aw_destroy_fn destroy;
	aw_coro *wait; /* a reference */
	aw_status holds;
} wait_for_state;

static void wait_drop(wait_for_state *self) {
	if (self->wait) object_unref(self->wait);
	self->wait = NULL;
}

static aw_status wait_for_step(aw_resume *resume, void *ud) {
	wait_for_state *self = ud;
	AW_BEGIN(&self->frame);
	while ((self->holds = self->fn(self->ud)) == 0) {
		aw_status status = aw_condition_wait_coro(self->condition, &self->wait);
		if (status < 0) return status;
		AW_AWAIT_CORO(&self->frame, resume, self->wait);
		wait_drop(self);
		if (aw_resume_status(resume) < 0) return aw_resume_raise(resume, aw_resume_error(resume));
	}
	AW_END(&self->frame);
	return self->holds < 0 ? self->holds
	                       : aw_resume_return(resume, (void *)(intptr_t)self->holds, value_integer);
}

static void wait_for_destroy(void *ud) {
	wait_for_state *self = ud;
	wait_drop(self);
	object_destroy_user(self->destroy, self->ud);
	object_unref(self->condition);
	free(self);
}

ENTRY(aw_condition_wait_for_coro,
      (aw_condition *condition, aw_predicate_fn fn, void *ud, aw_destroy_fn destroy, aw_coro **out),
      (condition, fn, ud, destroy, out)) {
	aw_status status = condition_check(condition);
	if (status == 0 && (!fn || !out)) status = -EINVAL;
	wait_for_state *self;
	if (status == 0)
		status = coro_internal(condition->loop, wait_for_step, sizeof *self, wait_for_destroy, &self, out);
	if (status < 0) {
		object_destroy_user(destroy, ud);
		return status;
	}
	self->condition = object_ref(condition);
	self->fn = fn;
	self->ud = ud;
	self->destroy = destroy;
	return 0;
}

aw_status aw_condition_wait_for(aw_condition *condition, aw_predicate_fn fn, void *ud) {
	if (!stackful_here()) return AW_ENOTASK;
	aw_status status = condition_check(condition), waited = 0;
	if (status == 0 && !fn) status = -EINVAL;
	if (status < 0) return failed(status);
	failure_forget(); /* so that any failure noted below belongs to this call */
	object_ref(condition);
	while (waited == 0 && (status = fn(ud)) == 0) waited = aw_condition_wait(condition);
	object_unref(condition);
	if (waited < 0) return waited;
	if (status < 0) return failed_in_callback(status);
	failure_forget();
	return status;
}

ENTRY(aw_condition_notify, (aw_condition *condition, size_t count), (condition, count)) {
	aw_status status = condition_check(condition);
	if (status < 0) return status;
	if (!condition->lock->locked) return -EPERM;
	condition_notify(condition, count);
	return 0;
}

ENTRY(aw_condition_notify_all, (aw_condition *condition), (condition)) {
	return aw_condition_notify(condition, SIZE_MAX);
}
