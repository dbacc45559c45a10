/* SPDX-License-Identifier: MIT */
/* Event: setting it wakes all current waiters. */
#include "event.h"

#include "coro.h"
#include "failure.h"
#include "task.h"
#include "wait_queue.h"

#include <await/stackless.h>
#include <await/sync.h>
#include <errno.h>
#include <stdlib.h>

static void event_release(object *base) {
	object_free(base);
}

static const object_class event_class = {.name = "event", .size = sizeof(aw_event), .release = event_release};

static void describe_wait(const aw_future *wakeup, future_description *out) {
	wait_describe(wakeup, "%p", out);
}

static const future_kind event_wait_kind = {.what = "event", .describe = describe_wait};

typedef struct event_wait {
	aw_frame frame;
	aw_event *event; /* a reference */
	waiter waiter;
} event_wait;

static aw_status event_wait_step(aw_resume *resume, void *ud) {
	event_wait *self = ud;
	AW_BEGIN(&self->frame);
	if (self->event->set) return 0;
	if (wait_queue_join(&self->event->waiters, &self->waiter, self->event->kind, self->event->owner,
	                    self->event->loop) < 0)
		return -ENOMEM;
	AW_AWAIT(&self->frame, resume, self->waiter.wakeup);
	wait_queue_leave(&self->waiter);
	if (aw_resume_status(resume) < 0) return wait_queue_raise(resume);
	AW_END(&self->frame);
	return 0;
}

static void event_wait_destroy(void *ud) {
	event_wait *self = ud;
	wait_queue_leave(&self->waiter);
	object_unref(self->event);
	free(self);
}

void event_set_owner(aw_event *self, const future_kind *kind, void *owner) {
	self->kind = kind;
	self->owner = owner;
}

static aw_status event_check(const aw_event *event) {
	return object_is(event, &event_class) ? loop_check(event->loop) : AW_EBADHANDLE;
}

ENTRY(aw_event_new, (aw_loop *loop, aw_event **out), (loop, out)) {
	aw_status status = loop_resolve(&loop);
	if (status < 0) return status;
	if (!out) return -EINVAL;
	aw_event *self = object_new(&loop->domain, &event_class);
	if (!self) return -ENOMEM;
	self->loop = loop;
	self->kind = &event_wait_kind;
	self->owner = self;
	*out = object_hand_out(self, CALLER);
	return 0;
}

REFERENCES(aw_event, object_is(self, &event_class))

ENTRY(aw_event_wait_coro, (aw_event *event, aw_coro **out), (event, out)) {
	aw_status status = event_check(event);
	if (status < 0) return status;
	if (!out) return -EINVAL;
	event_wait *self;
	status = coro_internal(event->loop, event_wait_step, sizeof *self, event_wait_destroy, &self, out);
	if (status == 0) self->event = object_ref(event);
	return status;
}

aw_status aw_event_wait(aw_event *event) {
	const aw_resume *resume = stackful_here();
	if (!resume) return AW_ENOTASK;
	aw_status status = event_check(event);
	if (status < 0 || event->set) return await_ended(resume, status);
	waiter waiting = {0};
	object_ref(event);
	status = wait_queue_wait(&event->waiters, &waiting, event->kind, event->owner, event->loop);
	wait_queue_leave(&waiting);
	object_unref(event);
	return status;
}

ENTRY(aw_event_set, (aw_event *event), (event)) {
	aw_status status = event_check(event);
	if (status < 0) return status;
	if (event->set) return 0;
	event->set = true;
	wait_queue_wake_all(&event->waiters);
	return 0;
}

ENTRY(aw_event_clear, (aw_event *event), (event)) {
	aw_status status = event_check(event);
	if (status == 0) event->set = false;
	return status;
}

aw_bool aw_event_is_set(const aw_event *event) {
	return object_is(event, &event_class) && event->set;
}
