/* SPDX-License-Identifier: MIT */
/*
 * The timeout scope, and wait_for on top of it.
 *
 * On expiry the scope requests cancellation of its task, once. The exit takes that request back, and turns
 * the cancellation into a timeout only if no other request arrived since the scope was entered: a
 * cancellation from elsewhere must not be swallowed.
 */
#include "failure.h"
#include "shield.h"
#include "task.h"
#include "watch.h"

#include <await/timeout.h>
#include <errno.h>
#include <stdlib.h>

enum scope_state { SCOPE_NEW, SCOPE_ENTERED, SCOPE_EXPIRING, SCOPE_EXPIRED, SCOPE_LEFT };

/*
 * Fires in the next iteration, for a deadline that is already past when it is set. Does nothing if the scope
 * no longer points to it.
 */
typedef struct soon {
	ready_item item;
	aw_timeout *scope; /* a reference */
} soon;

struct aw_timeout {
	object base;
	aw_loop *loop;
	alarm_clock alarm;
	soon *soon;    /* queued; NULL if none is to fire */
	aw_task *task; /* a reference, between enter and exit */
	int64_t when;
	uint32_t requests; /* the task's cancel requests at enter */
	uint8_t state;
	bool armed;        /* the alarm is set or queued, and has a reference */
	task_scope inside; /* in the list of the task */
};

static void timeout_release(object *base) {
	aw_timeout *self = (aw_timeout *)base;
	scope_forgotten(&self->inside);
	if (self->task) object_unref(self->task);
	object_free(base);
}

static const object_class timeout_class = {
	.name = "timeout", .size = sizeof(aw_timeout), .release = timeout_release};

static void timeout_expire(aw_timeout *self) {
	self->state = SCOPE_EXPIRING;
	task_cancel(self->task, error_of(AW_ECANCELLED));
}

static aw_status timeout_fired(ready_item *item) {
	aw_timeout *self = container_of(item, aw_timeout, alarm.item);
	bool due = self->armed && !self->soon && self->state == SCOPE_ENTERED && !loop_closing(self->loop) &&
	           self->when != AW_FOREVER;
	self->armed = false;
	if (due && self->when > loop_now(self->loop)) {
		/* Rescheduled while it was queued. */
		self->armed = loop_alarm_set(self->loop, &self->alarm, self->when) == 0;
		if (self->armed) return 0;
	}
	if (due) timeout_expire(self);
	object_unref(self);
	return 0;
}

static aw_status soon_fired(ready_item *item) {
	soon *self = container_of(item, soon, item);
	aw_timeout *scope = self->scope;
	bool due = scope->soon == self && scope->state == SCOPE_ENTERED && !loop_closing(scope->loop);
	if (scope->soon == self) scope->soon = NULL;
	slab_give(&scope->loop->domain.slabs, self, sizeof *self);
	if (due) timeout_expire(scope);
	object_unref(scope);
	return 0;
}

/* Stops the alarm. One that is queued already stays armed, and checks `when` and `soon` when it runs. */
static void timeout_stop_alarm(aw_timeout *self) {
	if (!self->armed || !timer_is_set(&self->alarm.timer)) return;
	loop_alarm_stop(self->loop, &self->alarm);
	self->armed = false;
	object_unref(self);
}

static aw_status timeout_arm_soon(aw_timeout *self) {
	soon *next = slab_take(&self->loop->domain.slabs, sizeof *next);
	if (!next) return -ENOMEM;
	*next = (soon){.item.run = soon_fired, .scope = object_ref(self)};
	timeout_stop_alarm(self);
	self->soon = next;
	loop_push(self->loop, &next->item);
	return 0;
}

/* Arms the deadline in `when`. One that is already past is queued now, and fires in the next iteration. */
static aw_status timeout_arm(aw_timeout *self) {
	if (self->when <= loop_now(self->loop)) return timeout_arm_soon(self);
	self->soon = NULL;
	timeout_stop_alarm(self);
	if (self->when == AW_FOREVER || self->armed) return 0;
	aw_status status = loop_alarm_set(self->loop, &self->alarm, self->when);
	if (status < 0) return status;
	object_ref(self);
	self->armed = true;
	return 0;
}

static void timeout_disarm(aw_timeout *self) {
	self->soon = NULL;
	timeout_stop_alarm(self); /* one that is queued sees another state, and does nothing */
}

static aw_status timeout_create(aw_loop *loop, int64_t when_ns, const void *origin, aw_timeout **out) {
	aw_status status = loop_resolve(&loop);
	if (status < 0) return status;
	if (!out) return -EINVAL;
	aw_timeout *self = object_new(&loop->domain, &timeout_class);
	if (!self) return -ENOMEM;
	self->loop = loop;
	self->when = when_ns;
	self->alarm.item.run = timeout_fired;
	*out = object_hand_out(self, origin);
	return 0;
}

ENTRY(aw_timeout_new_at, (aw_loop *loop, int64_t when_ns, aw_timeout **out), (loop, when_ns, out)) {
	return timeout_create(loop, when_ns, CALLER, out);
}

ENTRY(aw_timeout_new, (aw_loop *loop, int64_t delay_ns, aw_timeout **out), (loop, delay_ns, out)) {
	aw_status status = loop_resolve(&loop);
	if (status < 0) return status;
	return timeout_create(loop, delay_ns == AW_FOREVER ? AW_FOREVER : loop_after(loop, delay_ns), CALLER,
	                      out);
}

REFERENCES(aw_timeout, object_is(self, &timeout_class))

static aw_status timeout_check(const aw_timeout *timeout) {
	return object_is(timeout, &timeout_class) ? loop_check(timeout->loop) : AW_EBADHANDLE;
}

static aw_task *timeout_exit(aw_timeout *self) {
	aw_task *task = self->task;
	self->state = self->state == SCOPE_EXPIRING ? SCOPE_EXPIRED : SCOPE_LEFT;
	self->task = NULL;
	scope_leave(&self->inside);
	timeout_disarm(self);
	return task;
}

static void timeout_abandon(task_scope *base) {
	aw_timeout *self = container_of(base, aw_timeout, inside);
	object_ref(self); /* the alarm's may be the last one */
	object_unref(timeout_exit(self));
	object_unref(self);
}

static const task_scope_kind timeout_scope = {.never_ended = "timeout was begun and never ended",
                                              .abandon = timeout_abandon};

ENTRY(aw_timeout_enter, (aw_timeout *timeout), (timeout)) {
	aw_status status = timeout_check(timeout);
	if (status < 0) return status;
	aw_task *task = timeout->loop->current;
	if (!task) return AW_ENOTASK;
	if (timeout->state != SCOPE_NEW) return AW_EINVALIDSTATE;
	status = timeout_arm(timeout);
	if (status < 0) return status;
	timeout->task = object_ref(task);
	task_count_requests(timeout->loop);
	timeout->requests = task->future.cancel_requests;
	timeout->state = SCOPE_ENTERED;
	scope_enter(&timeout->inside, &timeout_scope, task, CALLER);
	return 0;
}

/* Takes back the scope's own request. True if it expired and no one else requested cancellation. */
static bool timeout_leave(aw_timeout *timeout) {
	bool expired = timeout->state == SCOPE_EXPIRING;
	aw_task *task = timeout_exit(timeout);
	task_count_requests(timeout->loop);
	uint32_t left = task->future.cancel_requests;
	if (expired && left > 0) {
		task->future.cancel_requests = --left;
		if (!left) {
			task->future.must_cancel = false;
			aw_error_unref(task->reason);
			task->reason = NULL;
		}
	}
	object_unref(task);
	return expired && left <= timeout->requests;
}

aw_status aw_timeout_exit(aw_timeout *timeout, aw_status body) {
	if (!object_is(timeout, &timeout_class)) return failed(AW_EBADHANDLE);
	if (timeout->state != SCOPE_ENTERED && timeout->state != SCOPE_EXPIRING) return failed(AW_EINVALIDSTATE);
	/* No check for a closed loop: a body that unwinds from a closing one exits its scopes too. */
	if (timeout_leave(timeout) && body == AW_ECANCELLED) return failed(AW_ETIMEOUT);
	return body < 0 ? failed_in_callback(body) : body; /* keeps the body's error */
}

int64_t aw_timeout_when(const aw_timeout *timeout) {
	return object_is(timeout, &timeout_class) ? timeout->when : AW_FOREVER;
}

ENTRY(aw_timeout_reschedule, (aw_timeout *timeout, int64_t when_ns), (timeout, when_ns)) {
	aw_status status = timeout_check(timeout);
	if (status < 0) return status;
	if (timeout->state != SCOPE_ENTERED) return AW_EINVALIDSTATE;
	timeout->when = when_ns;
	return timeout_arm(timeout);
}

aw_bool aw_timeout_expired(const aw_timeout *timeout) {
	return object_is(timeout, &timeout_class) &&
	       (timeout->state == SCOPE_EXPIRING || timeout->state == SCOPE_EXPIRED);
}

aw_status aw_timeout_run(int64_t delay_ns, aw_task_fn fn, void *ud) {
	if (!stackful_here()) return AW_ENOTASK;
	if (!fn) return failed(-EINVAL);
	aw_timeout *scope;
	aw_status status = aw_timeout_new(NULL, delay_ns, &scope);
	if (status < 0) return status;
	failure_forget(); /* so that any failure noted below belongs to this call */
	status = aw_timeout_enter(scope);
	if (status == 0) status = aw_timeout_exit(scope, fn(ud));
	aw_timeout_unref(scope);
	return status;
}

/* --- wait_for --- */

enum wait_for_state { WAIT_FOR_START, WAIT_FOR_AWAITED, WAIT_FOR_ENDING };

typedef struct wait_for {
	aw_future *future;
	aw_timeout *scope;
	watch *ended; /* in WAIT_FOR_ENDING */
	int64_t timeout;
	uint8_t state;
} wait_for;

static void wait_for_destroy(void *ud) {
	wait_for *self = ud;
	if (self->scope) {
		if (self->scope->state == SCOPE_ENTERED || self->scope->state == SCOPE_EXPIRING)
			timeout_leave(self->scope);
		object_unref(self->scope);
	}
	if (self->ended) {
		watch_stop(self->ended);
		object_unref(self->ended);
	}
	object_unref(self->future);
	free(self);
}

/* Answers with the outcome of the future. */
static aw_status answer_outcome(aw_resume *resume, aw_future *future) {
	void *value = NULL;
	aw_error *error = NULL;
	if (future_outcome(future, &value, &error) < 0) return aw_resume_raise(resume, error);
	return aw_resume_return(resume, value, value_share(value, future->value.destroy));
}

/* A timeout of zero or less: cancels a pending future, and waits until it is done, whatever its outcome. */
static aw_status wait_for_nothing(wait_for *self, aw_resume *resume) {
	if (future_is_done(self->future)) return answer_outcome(resume, self->future);
	self->ended = watch_new(self->future->loop, 1, watch_finish);
	if (!self->ended) return -ENOMEM;
	self->state = WAIT_FOR_ENDING;
	watch_add(self->ended, self->future);
	future_cancel(self->future, error_of(AW_ECANCELLED));
	return aw_resume_await(resume, &self->ended->future);
}

static aw_status wait_for_begin(wait_for *self, aw_resume *resume) {
	if (self->timeout <= 0) return wait_for_nothing(self, resume);
	aw_status status = aw_timeout_new(self->future->loop, self->timeout, &self->scope);
	if (status == 0) status = aw_timeout_enter(self->scope);
	if (status < 0) return status;
	self->state = WAIT_FOR_AWAITED;
	return aw_resume_await(resume, self->future);
}

static aw_status wait_for_step(aw_resume *resume, void *ud) {
	wait_for *self = ud;
	aw_status sent = aw_resume_status(resume);
	switch (self->state) {
	case WAIT_FOR_START: return wait_for_begin(self, resume);
	case WAIT_FOR_AWAITED:
		/* Compare with `sent`, not with AW_ETIMEOUT: the future may have failed with that itself. */
		if (aw_timeout_exit(self->scope, sent) != sent) return aw_resume_raise(resume, error_of(AW_ETIMEOUT));
		if (sent < 0) return aw_resume_raise(resume, aw_resume_error(resume));
		return aw_resume_return(resume, resume->value, value_share(resume->value, resume->value_destroy));
	default:
		if (sent < 0) return aw_resume_raise(resume, aw_resume_error(resume));
		/* Not the state: a gather does not become cancelled, it fails with AW_ECANCELLED. */
		if (future_outcome(self->future, NULL, NULL) == AW_ECANCELLED)
			return aw_resume_raise(resume, error_of(AW_ETIMEOUT));
		return answer_outcome(resume, self->future);
	}
}

ENTRY(aw_wait_for_coro, (aw_future *future, int64_t timeout_ns, aw_coro **out), (future, timeout_ns, out)) {
	if (!future_is(future)) return AW_EBADHANDLE;
	wait_for *state;
	aw_status status =
		coro_internal(future->loop, wait_for_step, sizeof *state, wait_for_destroy, &state, out);
	if (status < 0) return status;
	state->future = object_ref(future);
	state->timeout = timeout_ns;
	return 0;
}

aw_status aw_wait_for(aw_future *future, int64_t timeout_ns, void **out) {
	return AWAIT_CORO(out, aw_wait_for_coro, future, timeout_ns);
}

aw_status aw_wait_for_shielded(aw_future *future, int64_t timeout_ns, void **out) {
	aw_future *shield;
	aw_status status = shield_here(future, CALLER, &shield);
	if (status < 0) return status;
	status = aw_wait_for(shield, timeout_ns, out);
	object_unref(shield);
	return status;
}
