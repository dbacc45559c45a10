/* SPDX-License-Identifier: MIT */
/*
 * as_completed: a watch that lists futures in the order they complete. Each caller of next waits on a
 * separate future and takes from the list when it resumes, so a cancelled caller consumes nothing.
 */
#include "failure.h"
#include "list.h"
#include "task.h"
#include "watch.h"

#include <await/wait.h>
#include <errno.h>
#include <stdlib.h>

typedef struct next_waiter {
	struct next_waiter *next, *previous;
	aw_future *wakeup; /* finished when there is something to take */
} next_waiter;

struct aw_as_completed {
	object base;
	aw_loop *loop;
	struct completions *watch; /* a reference; its `owner` is reset on release */
	aw_future **ends;          /* references, in completion order; NULL for one that timed out */
	size_t count, ended, taken;
	size_t promised;           /* claimed by next coroutines that have started */
	LIST(next_waiter) waiters; /* the first has waited longest */
};

typedef struct completions {
	watch watch;
	alarm_clock alarm;
	aw_as_completed *owner; /* borrowed; NULL once it is gone */
} completions;

static void completions_disarm(completions *self) {
	if (!timer_is_set(&self->alarm.timer)) return;
	loop_alarm_stop(self->watch.future.loop, &self->alarm);
	object_unref(self);
}

static void iterator_release(object *base) {
	aw_as_completed *self = (aw_as_completed *)base;
	self->watch->owner = NULL;
	completions_disarm(self->watch);
	watch_stop(&self->watch->watch);
	object_unref(self->watch);
	for (size_t i = 0; i < self->ended; i++)
		if (self->ends[i]) object_unref(self->ends[i]);
	free(self->ends);
	object_free(base);
}

static const object_class iterator_class = {
	.name = "as_completed", .size = sizeof(aw_as_completed), .release = iterator_release};

/* Wakes the longest waiter that has not been woken yet. */
static void wake_one(aw_as_completed *self) {
	for (next_waiter *at = self->waiters.first; at; at = at->next) {
		if (future_is_done(at->wakeup)) continue;
		future_finish(at->wakeup, NULL, NULL);
		return;
	}
}

static void iterator_put(aw_as_completed *self, aw_future *end) {
	self->ends[self->ended++] = end ? object_ref(end) : NULL;
	wake_one(self);
}

static void completions_child_done(watch *base, aw_future *child) {
	completions *self = (completions *)(void *)base;
	if (!self->owner) return;
	iterator_put(self->owner, child);
	if (self->owner->ended == self->owner->count) completions_disarm(self);
}

static aw_status completions_fired(ready_item *item) {
	completions *self = container_of(item, completions, alarm.item);
	aw_as_completed *owner = loop_closing(self->watch.future.loop) ? NULL : self->owner;
	if (owner) {
		watch_stop(&self->watch);
		while (owner->ended < owner->count) iterator_put(owner, NULL);
	}
	object_unref(self);
	return 0;
}

ENTRY(aw_as_completed_new, (aw_loop *loop, aw_future *const *futures, size_t count, int64_t timeout_ns,
                            aw_as_completed **out),
      (loop, futures, count, timeout_ns, out)) {
	size_t distinct;
	aw_status status = loop_resolve(&loop);
	if (status < 0) return status;
	if (!out) return -EINVAL;
	status = watch_check(loop, futures, count, &distinct);
	if (status < 0) return status;
	aw_as_completed *self = object_new(&loop->domain, &iterator_class);
	completions *order = watch_create(loop, &watch_kind, sizeof *order, distinct, completions_child_done);
	aw_future **ends = calloc(distinct ? distinct : 1, sizeof *ends);
	if (!self || !order || !ends) goto fail;
	order->alarm.item.run = completions_fired;
	if (distinct && timeout_ns != AW_FOREVER) {
		if (loop_alarm_set(loop, &order->alarm, loop_after(loop, timeout_ns)) < 0) goto fail;
		object_ref(order);
	}
	order->owner = self;
	self->loop = loop;
	self->watch = order;
	self->ends = ends;
	self->count = distinct;
	watch_add_distinct(&order->watch, futures, count);
	*out = object_hand_out(self, CALLER);
	return 0;
fail:
	free(ends);
	if (order) object_unref(order);
	if (self) object_free(&self->base);
	return -ENOMEM;
}

REFERENCES(aw_as_completed, object_is(self, &iterator_class))

/* --- the next one --- */

static const future_kind wakeup_kind = {.what = "as_completed"};

typedef struct next_state {
	aw_as_completed *iterator; /* a reference */
	next_waiter next_waiter;
	bool promised;
} next_state;

static void waiters_add(aw_as_completed *self, next_waiter *waiter) {
	list_append(&self->waiters, waiter);
}

static void waiters_remove(aw_as_completed *self, next_waiter *waiter) {
	if (!waiter->wakeup) return;
	list_remove(&self->waiters, waiter);
	object_unref(waiter->wakeup);
	waiter->wakeup = NULL;
}

/* Returns the claim, and passes a wake-up that was not used on to the next waiter. */
static void next_abandon(next_state *self) {
	aw_as_completed *iterator = self->iterator;
	bool woken = self->next_waiter.wakeup && self->next_waiter.wakeup->state == FUTURE_DONE;
	waiters_remove(iterator, &self->next_waiter);
	if (self->promised) iterator->promised--;
	self->promised = false;
	if (woken && iterator->taken < iterator->ended) wake_one(iterator);
}

static void next_destroy(void *ud) {
	next_state *self = ud;
	next_abandon(self);
	object_unref(self->iterator);
	free(self);
}

static aw_status next_take(next_state *self, aw_resume *resume) {
	aw_as_completed *iterator = self->iterator;
	aw_future *end = iterator->ends[iterator->taken++];
	iterator->promised--;
	self->promised = false;
	if (!end) return aw_resume_raise(resume, error_of(AW_ETIMEOUT));
	return aw_resume_return(resume, value_future_of(end), value_future);
}

static aw_status next_step(aw_resume *resume, void *ud) {
	next_state *self = ud;
	aw_as_completed *iterator = self->iterator;
	if (aw_resume_status(resume) < 0) {
		aw_error *error = aw_error_ref(aw_resume_error(resume));
		next_abandon(self);
		aw_status status = aw_resume_raise(resume, error);
		aw_error_unref(error);
		return status;
	}
	waiters_remove(iterator, &self->next_waiter);
	if (!self->promised) {
		if (iterator->taken + iterator->promised == iterator->count)
			return aw_resume_raise(resume, error_of(AW_ESTOPITERATION));
		iterator->promised++;
		self->promised = true;
	}
	if (iterator->taken < iterator->ended) return next_take(self, resume);
	self->next_waiter.wakeup = future_create(iterator->loop, &future_class, &wakeup_kind, sizeof(aw_future));
	if (!self->next_waiter.wakeup) return -ENOMEM;
	waiters_add(iterator, &self->next_waiter);
	return aw_resume_await(resume, self->next_waiter.wakeup);
}

ENTRY(aw_as_completed_next_coro, (aw_as_completed *iterator, aw_coro **out), (iterator, out)) {
	if (!object_is(iterator, &iterator_class)) return AW_EBADHANDLE;
	if (!out) return -EINVAL;
	next_state *self;
	aw_status status = coro_internal(iterator->loop, next_step, sizeof *self, next_destroy, &self, out);
	if (status < 0) return status;
	self->iterator = object_ref(iterator);
	return 0;
}

aw_status aw_as_completed_next(aw_as_completed *iterator, aw_future **out) {
	if (!stackful_here()) return AW_ENOTASK;
	if (!out) return failed(-EINVAL);
	aw_coro *coro;
	aw_status status = aw_as_completed_next_coro(iterator, &coro);
	if (status < 0) return status;
	void *end = NULL;
	status = aw_await_coro(coro, &end);
	if (status == 0) *out = object_hand_out(object_ref(end), CALLER);
	object_unref(coro);
	return status;
}
