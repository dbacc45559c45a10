/* SPDX-License-Identifier: MIT */
/*
 * shield: an outer future that follows an inner one. Cancelling the outer leaves the inner running; if the
 * inner then fails, its error is reported, since no one can retrieve it. The shield takes a reference to the
 * inner one only when that is done, to keep the shared value: a pending inner future may be released by its
 * other owners.
 */
#include "shield.h"

#include "failure.h"
#include "report.h"
#include "task.h"

#include <await/gather.h>
#include <errno.h>

typedef struct shield {
	aw_future future;
	future_waiter waiter; /* on the inner future */
	aw_future *watched;   /* the inner future, borrowed until it is done or freed */
	aw_future *inner;     /* a reference, once its value is shared */
} shield;

static void shield_release(aw_future *future) {
	aw_future *inner = ((shield *)(void *)future)->inner;
	if (inner) object_unref(inner);
}

static aw_future *shield_child(const aw_future *future, size_t index) {
	return index ? NULL : ((const shield *)(const void *)future)->watched;
}

static const future_kind shield_kind = {.release = shield_release, .what = "shield", .child = shield_child};

static void inner_done(shield *self, aw_future *inner) {
	aw_future *outer = &self->future;
	if (outer->state == FUTURE_CANCELLED) {
		if (inner->state != FUTURE_FAILED) return;
		inner->unretrieved = false;
		report_call(inner->loop, "exception in shielded future", inner->error, inner, NULL);
		return;
	}
	if (inner->state == FUTURE_DONE) {
		self->inner = object_ref(inner);
		future_finish(outer, inner->value.data, value_share(inner->value.data, inner->value.destroy));
		return;
	}
	inner->unretrieved = false;
	if (inner->state == FUTURE_FAILED)
		future_fail(outer, inner->error);
	else
		future_set_cancelled(outer, inner->error);
}

static aw_status shield_run(ready_item *item) {
	shield *self = container_of(item, shield, waiter.item);
	aw_future *inner = self->waiter.future;
	self->watched = NULL;
	if (inner && !loop_closing(self->future.loop)) inner_done(self, inner);
	future_waiter_end(&self->waiter);
	object_unref(self); /* the waiter's */
	return 0;
}

/* Returns a reference that is not handed out. */
static aw_status shield_make(aw_future *future, const void *origin, aw_future **out) {
	aw_status status = loop_check(future->loop);
	if (status < 0) return status;
	if (future_is_done(future)) {
		*out = object_ref(future);
		return 0;
	}
	shield *self = future_create(future->loop, &future_class, &shield_kind, sizeof *self);
	if (!self) return -ENOMEM;
	self->waiter.item.run = shield_run;
	self->future.origin = origin;
	self->watched = future;
	object_ref(self);
	future_wait(future, &self->waiter);
	*out = &self->future;
	return 0;
}

ENTRY(aw_shield, (aw_future *future, aw_future **out), (future, out)) {
	if (!future_is(future)) return AW_EBADHANDLE;
	if (!out) return -EINVAL;
	aw_status status = shield_make(future, CALLER, out);
	if (status == 0) object_hand_out(*out, CALLER);
	return status;
}

aw_status shield_here(aw_future *future, const void *origin, aw_future **out) {
	aw_resume *resume = stackful_here();
	if (!resume) return AW_ENOTASK;
	if (!future_is(future)) return failed(AW_EBADHANDLE);
	if (future->loop != resume->task->future.loop) return failed(AW_EFOREIGNLOOP);
	if (future == &resume->task->future) return failed(AW_ESELFAWAIT);
	return noted(shield_make(future, origin, out));
}

aw_status aw_await_shielded(aw_future *future, void **out) {
	aw_future *outer = NULL;
	aw_status status = shield_here(future, CALLER, &outer);
	if (status < 0) return status;
	status = aw_await(outer, out);
	object_unref(outer);
	return status;
}
