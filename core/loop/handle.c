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
	/* from here on zero in a new one */
	int64_t later; /* a kept one: not now, but at this time, once the queue has reached it */
	uint8_t skip;  /* why the call is not made when the queue reaches it */
	uint8_t kept;  /* see below */
	bool running;  /* the thread has the context, and `context` is what the thread had before */
	bool ended;
};

enum { SKIP_CANCELLED = 1, SKIP_LATER = 2 /* put off to `later` */ };

/* Whether the program keeps it and schedules it again and again. If it is scheduled, the loop has a reference. */
enum { KEPT_NOT, KEPT_IDLE, KEPT_SCHEDULED };

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

static aw_status handle_report(aw_handle *self, aw_loop *loop, aw_status status) {
	if (status > 0) report_positive(loop, "callback", status, NULL, self);
	if (status >= 0) return 0;
	if (status != AW_ESYSTEMEXIT) report_status(loop, "Exception in callback", status, NULL, self);
	return status == AW_ESYSTEMEXIT ? AW_ESYSTEMEXIT : 0;
}

static inline void handle_swap_context(aw_handle *self) {
	self->context = context_swap(self->context);
}

/* Calls the function in the callback's context. */
static inline aw_status handle_call(aw_handle *self, aw_loop *loop, bool is_usual) {
	handle_swap_context(self);
	int64_t began = is_usual ? 0 : report_slow_begin(loop);
	self->running = true;
	aw_status status = self->fn(loop, self->ud);
	self->running = false;
	if (!is_usual) report_slow_end(loop, began, NULL, self);
	handle_swap_context(self);
	return status;
}

/* Whether the loop calls a function and does nothing else. */
static inline bool calls_are_usual(const aw_loop *loop) {
	return __builtin_expect(!loop->observes_calls, 1);
}

__attribute__((cold, noinline)) static aw_status handle_call_unusual(aw_handle *self) {
	if (self->skip || loop_closing(self->loop)) return 0;
	return handle_call(self, self->loop, false);
}

__attribute__((noinline)) static aw_status handle_end_with_parts(aw_handle *self, aw_status status) {
	if (status != 0) status = handle_report(self, self->loop, status);
	handle_finish(self);
	object_unref(self);
	return status;
}

/* Whether more than memory is to be released. */
static inline bool handle_has_parts(const aw_handle *self) {
	return (uintptr_t)self->destroy | (uintptr_t)self->context;
}

/* Ends a callback that is not kept, after the call or instead of it. */
static inline aw_status handle_end(aw_handle *self, aw_status status) {
	if (__builtin_expect(status == 0 && !handle_has_parts(self), 1) &&
	    object_unref_short(&self->base, &self->loop->domain, sizeof *self))
		return 0;
	return handle_end_with_parts(self, status);
}

/* In place of handle_run() once it is cancelled. */
static aw_status handle_run_cancelled(ready_item *item) {
	return handle_end(container_of(item, aw_handle, alarm.item), 0);
}

__attribute__((cold, noinline)) static aw_status handle_run_unusual(aw_handle *self) {
	return handle_end(self, handle_call_unusual(self));
}

static aw_status handle_run(ready_item *item) {
	aw_handle *self = container_of(item, aw_handle, alarm.item);
	if (!calls_are_usual(self->loop)) return handle_run_unusual(self);
	return handle_end(self, handle_call(self, self->loop, true));
}

__attribute__((cold, noinline)) static aw_status handle_end_kept(ready_item *item, aw_status status) {
	aw_handle *self = container_of(item, aw_handle, alarm.item);
	status = handle_report(self, self->loop, status);
	object_unref(self);
	return status;
}

/* The queue has reached a callback that was put off meanwhile. True if it waits for the timer now. */
static bool handle_put_off(aw_handle *self) {
	self->skip &= (uint8_t)~SKIP_LATER;
	if (loop_closing(self->loop)) return false;
	aw_status status = loop_alarm_set(self->loop, &self->alarm, self->later);
	if (status == 0) return true; /* the timer has the queue's reference now */
	report_status(self->loop, "A callback could not be put off", status, NULL, self);
	self->skip |= SKIP_CANCELLED;
	return false;
}

__attribute__((cold, noinline)) static aw_status handle_run_kept_unusual(ready_item *item) {
	aw_handle *self = container_of(item, aw_handle, alarm.item);
	if (self->skip & SKIP_LATER && handle_put_off(self)) return 0;
	self->kept = KEPT_IDLE;
	return handle_end_kept(item, handle_call_unusual(self));
}

__attribute__((cold, noinline)) static aw_status handle_dead(ready_item *item) {
	object_dead(&container_of(item, aw_handle, alarm.item)->base);
	return 0;
}

static aw_status handle_run_kept(ready_item *item) {
	aw_handle *self = container_of(item, aw_handle, alarm.item);
	if (self->skip || !calls_are_usual(self->loop)) return handle_run_kept_unusual(item);
	self->kept = KEPT_IDLE;
	aw_status status = handle_call(self, self->loop, true);
	if (__builtin_expect(status != 0, 0)) return handle_end_kept(item, status);
	/* Most likely the program still has its reference. */
	bool is_dead = atomic_fetch_sub_explicit(&self->base.refs, 1, memory_order_acq_rel) == 1;
	return __builtin_expect(is_dead, 0) ? handle_dead(item) : 0;
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

static inline void handle_init(aw_handle *self, aw_loop *loop, aw_callback_fn fn, void *ud,
                               aw_destroy_fn destroy, const void *origin) {
	self->loop = loop;
	self->alarm.timer.when = 0;
	self->alarm.timer.id = 0;
	self->alarm.item.run = handle_run;
	self->fn = fn;
	self->ud = ud;
	self->destroy = destroy;
	self->context = context_capture();
	self->origin = origin;
	memset(&self->later, 0, sizeof *self - offsetof(aw_handle, later));
}

/* Returns a new handle, or NULL with the status set and `ud` destroyed. */
static aw_handle *handle_new(aw_loop *loop, aw_callback_fn fn, void *ud, aw_destroy_fn destroy,
                             const void *origin, aw_status *status) {
	*status = loop_check(loop);
	if (*status == 0 && !fn) *status = -EINVAL;
	aw_handle *self = *status < 0 ? NULL : object_new(&loop->domain, &handle_class);
	if (self) {
		handle_init(self, loop, fn, ud, destroy, origin);
		return self;
	}
	if (*status == 0) *status = -ENOMEM;
	object_destroy_user(destroy, ud);
	return NULL;
}

/* The same if nothing is out of the ordinary. Otherwise returns NULL, and nothing has happened. */
static inline aw_handle *handle_new_short(aw_loop *loop, aw_callback_fn fn, void *ud, aw_destroy_fn destroy,
                                          const void *origin) {
	if (__builtin_expect(!fn || !object_is(loop, &loop_class) || !loop_is_usual(loop), 0)) return NULL;
	if (!loop_is_quiet(loop)) return NULL;
	aw_handle *self = object_new_short(&loop->domain, &handle_class, sizeof *self);
	if (__builtin_expect(self != NULL, 1)) handle_init(self, loop, fn, ud, destroy, origin);
	return self;
}

/* Takes a second reference to one that nobody else has seen. */
static inline aw_handle *handle_ref_new(aw_handle *self) {
	atomic_store_explicit(&self->base.refs, 2, memory_order_relaxed);
	return self;
}

__attribute__((noinline)) static aw_status call_soon(aw_loop *loop, aw_callback_fn fn, void *ud,
                                                     aw_destroy_fn destroy, const void *origin,
                                                     aw_handle **out) {
	aw_status status;
	aw_handle *self = handle_new(loop, fn, ud, destroy, origin, &status);
	if (!self) return status;
	if (out) *out = object_hand_out(object_ref(self), origin);
	loop_push(loop, &self->alarm.item);
	return 0;
}

ENTRY(aw_loop_call_soon, (aw_loop *loop, aw_callback_fn fn, void *ud, aw_destroy_fn destroy, aw_handle **out),
      (loop, fn, ud, destroy, out)) {
	aw_handle *self = handle_new_short(loop, fn, ud, destroy, CALLER);
	if (__builtin_expect(!self, 0)) return call_soon(loop, fn, ud, destroy, CALLER, out);
	if (out) *out = handle_ref_new(self);
	ready_push(&loop->ready, &self->alarm.item);
	return 0;
}

__attribute__((noinline)) static aw_status call_at(aw_loop *loop, int64_t when_ns, aw_callback_fn fn,
                                                   void *ud, aw_destroy_fn destroy, const void *origin,
                                                   aw_handle **out) {
	aw_status status;
	aw_handle *self = handle_new(loop, fn, ud, destroy, origin, &status);
	if (!self) return status;
	status = loop_alarm_set(loop, &self->alarm, when_ns);
	if (status < 0) {
		object_unref(self);
		return status;
	}
	if (out) *out = object_hand_out(object_ref(self), origin);
	return 0;
}

__attribute__((noinline)) static aw_status call_later(aw_loop *loop, int64_t delay_ns, aw_callback_fn fn,
                                                      void *ud, aw_destroy_fn destroy, const void *origin,
                                                      aw_handle **out) {
	int64_t when = loop_is(loop) && loop->state == LOOP_OPEN ? loop_after(loop, delay_ns) : 0;
	return call_at(loop, when > 0 ? when : 1, fn, ud, destroy, origin, out);
}

__attribute__((noinline)) static aw_status call_at_long(aw_handle *self, int64_t when_ns, aw_handle **out) {
	if (!timers_set(&self->loop->timers, &self->alarm.timer, when_ns)) {
		object_unref(self);
		return -ENOMEM;
	}
	if (out) *out = object_ref(self);
	return 0;
}

/* The short form of call_at(), with a handle made by handle_new_short(). */
static inline aw_status call_at_short(aw_handle *self, aw_loop *loop, int64_t when_ns, aw_handle **out) {
	if (when_ns < 1) when_ns = 1;
	if (!timers_append(&loop->timers, &self->alarm.timer, when_ns)) return call_at_long(self, when_ns, out);
	if (out) *out = handle_ref_new(self);
	return 0;
}

ENTRY(aw_loop_call_at, (aw_loop *loop, int64_t when_ns, aw_callback_fn fn, void *ud, aw_destroy_fn destroy,
                        aw_handle **out),
      (loop, when_ns, fn, ud, destroy, out)) {
	aw_handle *self = handle_new_short(loop, fn, ud, destroy, CALLER);
	if (self) return call_at_short(self, loop, when_ns, out);
	return call_at(loop, when_ns > 0 ? when_ns : 1, fn, ud, destroy, CALLER, out);
}

ENTRY(aw_loop_call_later, (aw_loop *loop, int64_t delay_ns, aw_callback_fn fn, void *ud,
                           aw_destroy_fn destroy, aw_handle **out),
      (loop, delay_ns, fn, ud, destroy, out)) {
	aw_handle *self = handle_new_short(loop, fn, ud, destroy, CALLER);
	if (self) return call_at_short(self, loop, loop_after(loop, delay_ns), out);
	return call_later(loop, delay_ns, fn, ud, destroy, CALLER, out);
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
	aw_handle *self = handle_new(loop, fn, ud, destroy, CALLER, &status);
	if (!self) return status;
	self->kept = KEPT_IDLE;
	self->alarm.item.run = handle_run_kept;
	*out = object_hand_out(self, CALLER);
	return 0;
}

/* Whether it is a live handle, and the calling thread may use its loop without further checks. */
static inline bool handle_check_short(const aw_handle *self) {
	return __builtin_expect(object_is(self, &handle_class) && loop_is_usual(self->loop), 1);
}

static aw_status handle_check(const aw_handle *self) {
	return object_is(self, &handle_class) ? loop_check(self->loop) : AW_EBADHANDLE;
}

__attribute__((noinline)) static aw_status handle_call_soon(aw_handle *self) {
	aw_status status = handle_check(self);
	if (status < 0) return status;
	if (!self->kept) return AW_EINVALIDSTATE;
	self->skip = 0;
	if (self->kept == KEPT_SCHEDULED) {
		if (!timer_is_set(&self->alarm.timer)) return 0; /* in the queue already */
		loop_alarm_stop(self->loop, &self->alarm);
	} else {
		self->kept = KEPT_SCHEDULED;
		object_ref(self);
	}
	loop_push(self->loop, &self->alarm.item);
	return 0;
}

ENTRY(aw_handle_call_soon, (aw_handle *handle), (handle)) {
	if (!handle_check_short(handle) || !loop_is_quiet(handle->loop) || handle->kept != KEPT_IDLE)
		return handle_call_soon(handle);
	handle->skip = 0;
	handle->kept = KEPT_SCHEDULED;
	object_ref(handle);
	ready_push(&handle->loop->ready, &handle->alarm.item);
	return 0;
}

__attribute__((noinline)) static aw_status handle_call_at(aw_handle *self, int64_t when) {
	aw_status status = handle_check(self);
	if (status < 0) return status;
	if (timer_is_set(&self->alarm.timer)) return loop_alarm_set(self->loop, &self->alarm, when);
	if (!self->kept) return AW_EINVALIDSTATE;
	if (self->kept == KEPT_SCHEDULED) {
		/* It can't leave the queue, so it waits there first. */
		self->skip = SKIP_LATER;
		self->later = when;
		return 0;
	}
	status = loop_alarm_set(self->loop, &self->alarm, when);
	if (status < 0) return status;
	self->skip = 0;
	self->kept = KEPT_SCHEDULED;
	object_ref(self);
	return 0;
}

ENTRY(aw_handle_call_at, (aw_handle *handle, int64_t when_ns), (handle, when_ns)) {
	if (when_ns < 1) when_ns = 1;
	if (handle_check_short(handle) && loop_alarm_put_off(handle->loop, &handle->alarm, when_ns)) return 0;
	return handle_call_at(handle, when_ns);
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

__attribute__((noinline)) static bool post_and_wake(aw_loop *loop, ready_item *item) {
	domain_pin(&loop->domain); /* keeps the loop open between the post and the wake */
	bool posted = post(loop, item);
	if (posted) loop_wake(loop);
	domain_unpin(&loop->domain);
	return posted;
}

/*
 * Behind posted items that the loop has not taken yet, no wake is needed: the thread that posted the first of them
 * wakes the loop after its post, and then the loop takes them all. Not while wakes fail, when each post must try
 * again.
 */
bool handle_post(aw_loop *loop, ready_item *item) {
	ready_item *first = atomic_load_explicit(&loop->posted, memory_order_acquire);
	if (!atomic_load_explicit(&loop->wake_proven, memory_order_relaxed)) return post_and_wake(loop, item);
	while (first && first != &posted_closed) {
		item->next = first;
		tsan_release(item);
		if (atomic_compare_exchange_weak_explicit(&loop->posted, &first, item, memory_order_acq_rel,
		                                          memory_order_acquire))
			return true;
	}
	return post_and_wake(loop, item);
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
	handle_init(self, loop, fn, ud, destroy, origin);
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
		loop->handles_taken -= (uint32_t)slab_share_give(&loop->handles, &loop->domain.slabs,
		                                                 sizeof(aw_handle), loop->handles_taken);
}

void handle_close_posted(aw_loop *loop) {
	handle_take_posted(loop, atomic_exchange(&loop->posted, &posted_closed));
	while (atomic_load_explicit(&loop->domain.pins, memory_order_acquire)) sched_yield();
	for (ready_item *item; (item = ready_take(&loop->ready));) item->run(item);
	slab_share_empty(&loop->handles, sizeof(aw_handle));
}

/* --- handles --- */

aw_handle *aw_handle_ref(aw_handle *self) {
	return object_is(self, &handle_class) ? object_ref_held(self) : self;
}

void aw_handle_unref(aw_handle *self) {
	if (!object_is(self, &handle_class)) return;
	/* Most likely the callback has ended: then there is nothing to release. */
	if (self->ended && loop_is_usual(self->loop) &&
	    object_unref_short(&self->base, &self->loop->domain, sizeof *self))
		return;
	object_unref_held(self);
}

static inline void handle_stop_timer(aw_handle *self) {
	timers *all = &self->loop->timers;
	if (!timers_remove_first(all, &self->alarm.timer)) timers_remove(all, &self->alarm.timer);
}

ENTRY(aw_handle_cancel, (aw_handle *handle), (handle)) {
	aw_status status = handle_check_short(handle) ? 0 : handle_check(handle);
	if (status < 0) return status;
	handle->skip = SKIP_CANCELLED;
	bool was_set = timer_is_set(&handle->alarm.timer);
	if (was_set) handle_stop_timer(handle);
	if (was_set && !handle->kept && !handle_has_parts(handle)) {
		/* Nothing is left to be done from dispatch. */
		handle->ended = true;
		/* Most likely the program has a reference. */
		if (atomic_fetch_sub_explicit(&handle->base.refs, 1, memory_order_acq_rel) == 1)
			object_dead(&handle->base);
		return 0;
	}
	if (!handle->kept) handle->alarm.item.run = handle_run_cancelled;
	/* Queue it now: dispatch skips and destroys it. */
	if (was_set) loop_push(handle->loop, &handle->alarm.item);
	return 0;
}

aw_bool aw_handle_cancelled(const aw_handle *handle) {
	return object_is(handle, &handle_class) && handle->skip & SKIP_CANCELLED;
}

int64_t aw_handle_when(const aw_handle *handle) {
	if (!object_is(handle, &handle_class)) return 0;
	return handle->skip & SKIP_LATER ? handle->later : handle->alarm.timer.when;
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
