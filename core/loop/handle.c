/* SPDX-License-Identifier: MIT */
/*
 * Scheduled callbacks. The queue owns a reference until the callback has run or been skipped. The user's
 * destroy function runs at that point, so even a cancelled callback is destroyed from dispatch.
 */
#include "handle.h"

#include "context.h"
#include "failure.h"
#include "report.h"
#include "tsan.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

struct aw_handle {
	object base;
	aw_loop *loop;
	alarm_clock alarm;
	aw_callback_fn fn;
	void *ud;
	aw_destroy_fn destroy;
	binding *context;   /* the callback's; a reference */
	const void *origin; /* the code that scheduled it */
	int64_t later;      /* a kept one: not now, but at this time, once the queue has reached it; 0: none */
	bool cancelled, ended;
	bool running;   /* the thread has the context */
	bool kept;      /* by the program, which schedules it again and again */
	bool scheduled; /* a kept one: the loop has a reference, since it is in the queue or a timer */
};

static void handle_finish(aw_handle *self) {
	aw_destroy_fn destroy = self->destroy;
	void *ud = self->ud;
	binding *context = self->context;
	self->destroy = NULL;
	self->context = NULL;
	self->ended = true;
	object_destroy_user(destroy, ud);
	context_drop(context);
}

static void handle_release(object *base) {
	aw_handle *self = (aw_handle *)base;
	if (!self->ended) handle_finish(self);
	object_free(base);
}

static const object_class handle_class = {
	.name = "handle", .size = sizeof(aw_handle), .release = handle_release};

/* Runs the callback, unless that is cancelled. */
static aw_status handle_call(aw_handle *self, aw_loop *loop) {
	aw_status status = 0;
	if (!self->cancelled && !loop_closing(loop)) {
		binding *outer = context_swap(self->context);
		int64_t began = report_slow_begin(loop);
		self->running = true;
		status = self->fn(loop, self->ud);
		self->running = false;
		report_slow_end(loop, began, NULL, self);
		self->context = context_swap(outer);
	}
	if (status < 0 && status != AW_ESYSTEMEXIT)
		report_status(loop, "Exception in callback", status, NULL, self);
	if (status > 0) report_positive(loop, "callback", status, NULL, self);
	return status == AW_ESYSTEMEXIT ? AW_ESYSTEMEXIT : 0;
}

static aw_status handle_run(ready_item *item) {
	aw_handle *self = container_of(item, aw_handle, alarm.item);
	aw_status status = handle_call(self, self->loop);
	handle_finish(self);
	object_unref(self);
	return status;
}

static aw_status handle_run_kept(ready_item *item) {
	aw_handle *self = container_of(item, aw_handle, alarm.item);
	aw_loop *loop = self->loop;
	int64_t later = self->later;
	self->later = 0;
	if (later && !loop_closing(loop)) {
		aw_status status = loop_alarm_set(loop, &self->alarm, later);
		if (status == 0) return 0; /* the timer has the queue's reference now */
		report_status(loop, "A callback could not be put off", status, NULL, self);
		self->cancelled = true;
	}
	self->scheduled = false;
	aw_status status = handle_call(self, loop);
	object_unref(self);
	return status;
}

aw_handle *handle_for_report(aw_loop *loop, const void *origin) {
	aw_handle *self = object_new(&loop->domain, &handle_class);
	if (!self) return NULL;
	self->loop = loop;
	self->origin = origin;
	self->ended = true;
	return self;
}

/* The sentinel in `posted` once the loop is closed. */
static ready_item posted_closed;

const void *handle_origin(const aw_handle *self) {
	return self->origin;
}

const void *handle_function(const aw_handle *self) {
	return (const void *)(uintptr_t)self->fn;
}

static void handle_init(aw_handle *self, aw_loop *loop, aw_callback_fn fn, void *ud, aw_destroy_fn destroy) {
	self->loop = loop;
	self->alarm.item.run = handle_run;
	self->fn = fn;
	self->ud = ud;
	self->destroy = destroy;
	self->context = context_capture();
}

/* Returns a new handle, or NULL with the status set and `ud` destroyed. */
static aw_handle *handle_new(aw_loop *loop, aw_callback_fn fn, void *ud, aw_destroy_fn destroy,
                             aw_status *status) {
	*status = loop_check(loop);
	if (*status == 0 && !fn) *status = -EINVAL;
	aw_handle *self = *status < 0 ? NULL : object_new(&loop->domain, &handle_class);
	if (self) {
		handle_init(self, loop, fn, ud, destroy);
		return self;
	}
	if (*status == 0) *status = -ENOMEM;
	object_destroy_user(destroy, ud);
	return NULL;
}

ENTRY(aw_loop_call_soon, (aw_loop *loop, aw_callback_fn fn, void *ud, aw_destroy_fn destroy, aw_handle **out),
      (loop, fn, ud, destroy, out)) {
	aw_status status;
	aw_handle *self = handle_new(loop, fn, ud, destroy, &status);
	if (!self) return status;
	self->origin = CALLER;
	if (out) *out = object_hand_out(object_ref(self), CALLER);
	loop_push(loop, &self->alarm.item);
	return 0;
}

static aw_status call_at(aw_loop *loop, int64_t when_ns, aw_callback_fn fn, void *ud, aw_destroy_fn destroy,
                         const void *origin, aw_handle **out) {
	aw_status status;
	aw_handle *self = handle_new(loop, fn, ud, destroy, &status);
	if (!self) return status;
	self->origin = origin;
	status = loop_alarm_set(loop, &self->alarm, when_ns > 0 ? when_ns : 1);
	if (status < 0) {
		object_unref(self);
		return status;
	}
	if (out) *out = object_hand_out(object_ref(self), origin);
	return 0;
}

ENTRY(aw_loop_call_at, (aw_loop *loop, int64_t when_ns, aw_callback_fn fn, void *ud, aw_destroy_fn destroy,
                        aw_handle **out),
      (loop, when_ns, fn, ud, destroy, out)) {
	return call_at(loop, when_ns, fn, ud, destroy, __builtin_return_address(0), out);
}

ENTRY(aw_loop_call_later, (aw_loop *loop, int64_t delay_ns, aw_callback_fn fn, void *ud,
                           aw_destroy_fn destroy, aw_handle **out),
      (loop, delay_ns, fn, ud, destroy, out)) {
	int64_t when = loop_is(loop) && loop->state == LOOP_OPEN ? loop_after(loop, delay_ns) : 0;
	return call_at(loop, when, fn, ud, destroy, __builtin_return_address(0), out);
}

/* --- kept by the program --- */

ENTRY(aw_handle_new, (aw_loop *loop, aw_callback_fn fn, void *ud, aw_destroy_fn destroy, aw_handle **out),
      (loop, fn, ud, destroy, out)) {
	aw_status status = loop_resolve(&loop);
	if (status == 0 && !out) status = -EINVAL;
	if (status < 0) {
		object_destroy_user(destroy, ud);
		return status;
	}
	aw_handle *self = handle_new(loop, fn, ud, destroy, &status);
	if (!self) return status;
	self->origin = CALLER;
	self->kept = true;
	self->alarm.item.run = handle_run_kept;
	*out = object_hand_out(self, CALLER);
	return 0;
}

ENTRY(aw_handle_call_soon, (aw_handle *handle), (handle)) {
	if (!object_is(handle, &handle_class)) return AW_EBADHANDLE;
	aw_loop *loop = handle->loop;
	aw_status status = loop_check(loop);
	if (status < 0) return status;
	if (!handle->kept) return AW_EINVALIDSTATE;
	handle->cancelled = false;
	handle->later = 0;
	if (handle->scheduled) {
		if (!timer_is_set(&handle->alarm.timer)) return 0; /* in the queue already */
		loop_alarm_stop(loop, &handle->alarm);
	} else {
		handle->scheduled = true;
		object_ref(handle);
	}
	loop_push(loop, &handle->alarm.item);
	return 0;
}

ENTRY(aw_handle_call_at, (aw_handle *handle, int64_t when_ns), (handle, when_ns)) {
	if (!object_is(handle, &handle_class)) return AW_EBADHANDLE;
	aw_loop *loop = handle->loop;
	aw_status status = loop_check(loop);
	if (status < 0) return status;
	if (when_ns < 1) when_ns = 1;
	bool is_set = timer_is_set(&handle->alarm.timer);
	if (is_set) return loop_alarm_set(loop, &handle->alarm, when_ns);
	if (!handle->kept) return AW_EINVALIDSTATE;
	if (handle->scheduled) {
		/* It can't leave the queue, so it waits there first. */
		handle->cancelled = false;
		handle->later = when_ns;
		return 0;
	}
	status = loop_alarm_set(loop, &handle->alarm, when_ns);
	if (status < 0) return status;
	handle->cancelled = false;
	handle->scheduled = true;
	object_ref(handle);
	return 0;
}

/* --- from other threads --- */

static bool post(aw_loop *loop, ready_item *item) {
	/* Who finds it closed continues with what the closing thread has left, so it must see that. */
	ready_item *first = atomic_load_explicit(&loop->posted, memory_order_acquire);
	do {
		if (first == &posted_closed) return false;
		item->next = first;
		tsan_release(item);
	} while (!atomic_compare_exchange_weak_explicit(&loop->posted, &first, item, memory_order_acq_rel,
	                                                memory_order_acquire));
	return true;
}

bool handle_post(aw_loop *loop, ready_item *item) {
	domain_pin(&loop->domain); /* keeps the loop open between the post and the wake */
	bool posted = post(loop, item);
	if (posted) loop_wake(loop);
	domain_unpin(&loop->domain);
	return posted;
}

static aw_status call_soon_threadsafe(aw_loop *loop, aw_callback_fn fn, void *ud, aw_destroy_fn destroy,
                                      const void *origin) {
	aw_status status = loop_is(loop) ? 0 : AW_EBADHANDLE;
	if (status == 0 && loop->fork_generation != *threads_fork_word) status = AW_EFORKED;
	if (status == 0 && !fn) status = -EINVAL;
	aw_handle *self = status < 0 ? NULL : object_new_foreign(&loop->domain, &loop->handles, &handle_class);
	if (!self) {
		object_destroy_user(destroy, ud);
		return status < 0 ? status : -ENOMEM;
	}
	handle_init(self, loop, fn, ud, destroy);
	self->origin = origin;
	if (handle_post(loop, &self->alarm.item)) return 0;
	context_drop(self->context);
	slab_give(NULL, self, sizeof *self);
	object_destroy_user(destroy, ud);
	return AW_ELOOPCLOSED;
}

ENTRY(aw_loop_call_soon_threadsafe, (aw_loop *loop, aw_callback_fn fn, void *ud, aw_destroy_fn destroy),
      (loop, fn, ud, destroy)) {
	return call_soon_threadsafe(loop, fn, ud, destroy, CALLER);
}

ENTRY(aw_loop_call_soon_threadsafe_copy, (aw_loop *loop, aw_callback_fn fn, const void *data, size_t size),
      (loop, fn, data, size)) {
	if (!loop_is(loop)) return AW_EBADHANDLE;
	if (size && !data) return -EINVAL;
	void *copy = size ? malloc(size) : NULL;
	if (size && !copy) return -ENOMEM;
	if (size) memcpy(copy, data, size);
	return call_soon_threadsafe(loop, fn, copy, size ? free : NULL, CALLER);
}

/* After so many handles from other threads, the loop gives as many back, so that it need not do it for each. */
enum { HANDLES_GIVEN_MIN = 64 };

void handle_take_posted(aw_loop *loop, ready_item *newest) {
	ready_item *oldest = NULL;
	for (ready_item *next; newest; newest = next) {
		next = newest->next;
		newest->next = oldest;
		oldest = newest;
	}
	for (ready_item *next; oldest; oldest = next) {
		next = oldest->next;
		tsan_acquire(oldest);
		/* The handle was made on a foreign thread and is counted only now. */
		if (oldest->run == handle_run) {
			object_adopt(&container_of(oldest, aw_handle, alarm.item)->base);
			loop->handles_taken++;
		}
		ready_push(&loop->ready, oldest);
	}
	if (loop->handles_taken >= HANDLES_GIVEN_MIN)
		loop->handles_taken -=
			slab_share_give(&loop->handles, &loop->domain.slabs, sizeof(aw_handle), loop->handles_taken);
}

void handle_close_posted(aw_loop *loop) {
	handle_take_posted(loop, atomic_exchange(&loop->posted, &posted_closed));
	while (atomic_load_explicit(&loop->domain.pins, memory_order_acquire)) sched_yield();
	for (ready_item *item; (item = ready_take(&loop->ready));) item->run(item);
	slab_share_empty(&loop->handles, sizeof(aw_handle));
}

/* --- handles --- */

REFERENCES(aw_handle, object_is(self, &handle_class))

ENTRY(aw_handle_cancel, (aw_handle *handle), (handle)) {
	if (!object_is(handle, &handle_class)) return AW_EBADHANDLE;
	aw_status status = loop_check(handle->loop);
	if (status < 0) return status;
	handle->cancelled = true;
	handle->later = 0;
	if (handle->ended || !timer_is_set(&handle->alarm.timer)) return 0;
	/* Queue it now: dispatch skips and destroys it. */
	loop_alarm_stop(handle->loop, &handle->alarm);
	loop_push(handle->loop, &handle->alarm.item);
	return 0;
}

aw_bool aw_handle_cancelled(const aw_handle *handle) {
	return object_is(handle, &handle_class) && handle->cancelled;
}

int64_t aw_handle_when(const aw_handle *handle) {
	if (!object_is(handle, &handle_class)) return 0;
	return handle->later ? handle->later : handle->alarm.timer.when;
}

ENTRY(aw_handle_context_get, (const aw_handle *handle, const void *key, void **out), (handle, key, out)) {
	if (!object_is(handle, &handle_class)) return AW_EBADHANDLE;
	aw_loop *loop = handle->loop;
	aw_status status = loop_check(loop);
	if (status < 0) return status;
	if (handle->ended) return AW_EINVALIDSTATE;
	if (!handle->running) return context_get(handle->context, key, out);
	/* An eager task may have interrupted the callback. */
	return context_get(loop->current ? loop->outside : thread_here()->context, key, out);
}
