/* SPDX-License-Identifier: MIT */
/*
 * The future: state, outcome and waiters. Waiters run from the ready queue, in order, and never inline, since
 * asyncio programs can observe the extra iteration.
 */
#include "future.h"

#include "context.h"
#include "failure.h"
#include "report.h"

#include <await/task.h>
#include <errno.h>
#include <stdlib.h>

static void waiter_unlink(aw_future *self, future_waiter *waiter) {
	ready_item *next = waiter->item.next;
	*waiter->link = next;
	if (next)
		container_of(next, future_waiter, item)->link = waiter->link;
	else if (waiter->link != &self->waiters.head)
		self->waiters.tail = container_of(waiter->link, ready_item, next);
	waiter->link = NULL;
}

static void drop_waiters(aw_future *self) {
	for (ready_item *item; (item = self->waiters.head);) {
		waiter_unlink(self, container_of(item, future_waiter, item));
		item->run(item);
	}
}

static size_t extra_size(const aw_future *self) {
	return self->kind->extra_size ? self->kind->extra_size : sizeof(future_extra);
}

void *future_extra_of(aw_future *self) {
	domain *where = self->base.domain;
	bool is_home = atomic_load_explicit(&where->home, memory_order_acquire) == thread_self();
	if (!self->extra) self->extra = slab_take(is_home ? &where->slabs : NULL, extra_size(self));
	return self->extra;
}

__attribute__((noinline)) static void extra_release(aw_future *self) {
	host_slot_set(&self->extra->host_slot, NULL, NULL);
	domain *where = self->base.domain;
	bool is_home = atomic_load_explicit(&where->home, memory_order_acquire) == thread_self();
	slab_give(is_home ? &where->slabs : NULL, self->extra, extra_size(self));
}

static void future_release(object *base) {
	aw_future *self = (aw_future *)base;
	if (self->unretrieved) {
		/* Resurrect the future for the handler, which may inspect it or keep it. */
		self->unretrieved = false;
		atomic_store(&base->refs, 1);
		report_call(self->loop,
		            self->kind->is_task ? "Task exception was never retrieved"
		                                : "Future exception was never retrieved",
		            self->error, self, NULL);
		if (object_was_kept(base)) return; /* kept by the handler */
	}
	if (self->kind->release) self->kind->release(self);
	/* The remaining waiters can never be woken: run() sees no future, and only cleans up. */
	drop_waiters(self);
	if (self->state == FUTURE_DONE)
		object_destroy_user(self->value.destroy, self->value.data);
	else if (self->state != FUTURE_PENDING)
		aw_error_unref(self->error);
	if (self->extra) extra_release(self);
	object_free(base);
}

static const void *future_origin(const object *self) {
	return ((const aw_future *)(const void *)self)->origin;
}

static const char *future_task_name(const object *self) {
	aw_task *task = aw_future_task((aw_future *)(uintptr_t)self);
	return task ? aw_task_name(task) : NULL;
}

static const object_future for_reports = {future_origin, future_task_name};

const object_class future_class = {
	.name = "future", .size = sizeof(aw_future), .release = future_release, .future = &for_reports};
const object_class task_class = {
	.name = "task", .size = 0, .release = future_release, .future = &for_reports};
static const future_kind plain_future = {0};

void *future_create(aw_loop *loop, const object_class *class, const future_kind *kind, size_t size) {
	aw_future *self = object_new_sized(&loop->domain, class, size);
	if (!self) return NULL;
	self->loop = loop;
	self->kind = kind;
	return self;
}

aw_status future_check(const aw_future *self, const aw_loop *loop) {
	if (!future_is(self)) return AW_EBADHANDLE;
	return self->loop == loop ? 0 : AW_EFOREIGNLOOP;
}

static void queue_waiter(aw_future *self, ready_item *item) {
	future_waiter *waiter = container_of(item, future_waiter, item);
	waiter->link = NULL;
	if (waiter->future != FUTURE_KEPT) waiter->future = object_ref(self);
	loop_push_inline(self->loop, item);
}

static void queue_waiters(aw_future *self) {
	for (ready_item *item; (item = ready_take(&self->waiters));) queue_waiter(self, item);
}

void future_wait(aw_future *self, future_waiter *waiter) {
	if (future_is_done(self)) {
		queue_waiter(self, &waiter->item);
		return;
	}
	future_wait_pending(self, waiter);
}

bool future_unwait(aw_future *self, future_waiter *waiter) {
	if (!waiter->link) return false;
	waiter_unlink(self, waiter);
	return true;
}

void future_waiter_end(future_waiter *waiter) {
	aw_future *future = waiter->future;
	waiter->future = NULL;
	if (future) object_unref(future);
}

void future_finish(aw_future *self, void *value, aw_destroy_fn destroy) {
	if (future_is_done(self)) {
		object_destroy_user(destroy, value);
		return;
	}
	self->state = FUTURE_DONE;
	self->value.data = value;
	self->value.destroy = destroy;
	queue_waiters(self);
}

void future_fail(aw_future *self, aw_error *error) {
	if (future_is_done(self)) return;
	self->state = FUTURE_FAILED;
	self->error = aw_error_ref(error);
	self->unretrieved = true;
	queue_waiters(self);
}

void future_set_cancelled(aw_future *self, aw_error *reason) {
	if (future_is_done(self)) return;
	self->state = FUTURE_CANCELLED;
	self->error = aw_error_ref(reason);
	queue_waiters(self);
}

/*
 * The walk has returned to `reached`, which is already on its path. The nearest task on the path leaves its
 * wait, which breaks the cycle.
 */
static void mark_cycle(aw_future *top, aw_future *reached) {
	aw_future *at = reached->kind->is_task ? reached : top;
	while (at && !at->kind->is_task) at = at->kind->cancel_ops->frame(at)->parent;
	if (at) at->kind->cancel_ops->frame(at)->cycle = true;
}

/* Appends a future to the path that ends at `top`. Returns false if it is on the path already. */
static bool walk_enter(aw_future *top, aw_future *self) {
	cancel_frame *frame = self->kind->cancel_ops->frame(self);
	if (frame->on_path) {
		mark_cycle(top, self);
		return false;
	}
	*frame = (cancel_frame){.parent = top, .on_path = true};
	if (self->kind->cancel_ops->enter) self->kind->cancel_ops->enter(self);
	return true;
}

static bool walk_leave(aw_future *self, aw_error *reason) {
	bool accepted = self->kind->cancel_ops->leave(self, reason);
	self->kind->cancel_ops->frame(self)->on_path = false;
	return accepted;
}

static bool propagates(const aw_future *self) {
	return self->kind->cancel_ops && !future_is_done(self);
}

/*
 * Cancels depth first, children in order. A chain of futures may be too long for recursion, so the path back
 * up is linked through the futures themselves. Releases are deferred during the walk: no user code may run in
 * the middle of it.
 */
static bool cancel_walk(aw_future *start, aw_error *reason) {
	aw_future *top = NULL, *next = start;
	bool answer = false;
	do {
		if (!propagates(next)) {
			answer = future_cancel(next, reason);
		} else {
			answer = !walk_enter(top, next); /* a cycle counts as accepted; otherwise visit the children */
			if (!answer) top = next;
		}
		for (next = NULL; top && !next;) {
			cancel_frame *frame = top->kind->cancel_ops->frame(top);
			frame->accepted |= answer;
			answer = false;
			next = top->kind->cancel_ops->next(top, frame->index++);
			if (next) break;
			answer = walk_leave(top, reason);
			top = frame->parent;
		}
	} while (top);
	return answer;
}

bool future_cancel(aw_future *self, aw_error *reason) {
	if (future_is_done(self)) {
		self->unretrieved = false;
		return false;
	}
	if (self->kind->cancel_ops) {
		object_ref(self);
		object_defer_releases();
		bool accepted = cancel_walk(self, reason);
		object_flush_releases();
		object_unref(self);
		return accepted;
	}
	if (self->kind->cancel) {
		/* The hook may drop the last reference but ours. */
		object_ref(self);
		bool accepted = self->kind->cancel(self, reason);
		object_unref(self);
		return accepted;
	}
	future_set_cancelled(self, reason);
	return true;
}

aw_status future_outcome(aw_future *self, void **out_value, aw_error **out_error) {
	if (self->state == FUTURE_DONE) {
		if (out_value) *out_value = self->value.data;
		return 0;
	}
	self->unretrieved = false;
	if (out_error) *out_error = self->error;
	return self->state == FUTURE_CANCELLED ? AW_ECANCELLED : self->error->status;
}

/* --- results --- */

typedef struct result_slot {
	aw_future *future; /* keeps the value */
	aw_status status;
	bool pending;
} result_slot;

struct aw_results {
	object base;
	size_t count;
	result_slot slots[];
};

static void results_release(object *base) {
	aw_results *self = (aw_results *)base;
	for (size_t i = 0; i < self->count; i++)
		if (self->slots[i].future) object_unref(self->slots[i].future);
	object_free(base);
}

static const object_class results_class = {.name = "results", .size = 0, .release = results_release};

aw_results *results_new(aw_loop *loop, size_t count) {
	if (count > (UINT32_MAX - sizeof(aw_results)) / sizeof(result_slot)) return NULL;
	aw_results *self =
		object_new_sized(&loop->domain, &results_class, sizeof *self + count * sizeof *self->slots);
	if (self) self->count = count;
	return self;
}

void results_set(aw_results *self, size_t index, aw_future *future) {
	result_slot *slot = &self->slots[index];
	slot->future = object_ref(future);
	slot->pending = !future_is_done(future);
	slot->status = slot->pending ? AW_EINVALIDSTATE : 0;
	if (future->state == FUTURE_FAILED) slot->status = future->error->status;
	if (future->state == FUTURE_CANCELLED) slot->status = AW_ECANCELLED;
}

bool results_done(const aw_results *self, size_t index) {
	return !self->slots[index].pending;
}

aw_results *aw_results_ref(aw_results *results) {
	return object_is(results, &results_class) ? object_ref(results) : results;
}

void aw_results_unref(aw_results *results) {
	if (object_is(results, &results_class)) object_unref(results);
}

size_t aw_results_count(const aw_results *results) {
	return object_is(results, &results_class) ? results->count : 0;
}

aw_status aw_results_get(const aw_results *results, size_t index, void **out) {
	if (!object_is(results, &results_class)) return failed(AW_EBADHANDLE);
	if (index >= results->count) return failed(-EINVAL);
	const result_slot *slot = &results->slots[index];
	if (slot->pending) return failed(slot->status);
	if (slot->status < 0) {
		slot->future->unretrieved = false;
		return failed_with(slot->future->error);
	}
	if (out) *out = slot->future->value.data;
	return 0;
}

aw_status aw_results_get_int(const aw_results *results, size_t index, int64_t *out) {
	aw_status status = aw_results_get(results, index, NULL);
	return status < 0 ? status : noted(future_integer(results->slots[index].future, out));
}

aw_error *aw_results_error(const aw_results *results, size_t index) {
	if (!object_is(results, &results_class) || index >= results->count) return NULL;
	const result_slot *slot = &results->slots[index];
	if (slot->status == 0 || slot->pending) return NULL;
	slot->future->unretrieved = false;
	return slot->future->error;
}

/* --- the library's own values --- */

void value_integer(void *value) {
	(void)value;
}

void value_results(void *results) {
	aw_results_unref(results);
}

/* value_future_of() counts the reference as the caller's, because the caller may be the one to run this. */
void value_future(void *future) {
	aw_future_unref(future);
}

void *value_future_of(aw_future *future) {
	return object_hand_out(object_ref(future), future->origin);
}

int32_t value_kind(aw_destroy_fn destroy) {
	if (destroy == value_integer) return AW_VALUE_INTEGER;
	if (destroy == value_results) return AW_VALUE_RESULTS;
	return destroy == value_future ? AW_VALUE_FUTURE : AW_VALUE_POINTER;
}

aw_destroy_fn value_share(void *value, aw_destroy_fn destroy) {
	switch (value_kind(destroy)) {
	case AW_VALUE_RESULTS: object_ref(value); return destroy;
	case AW_VALUE_FUTURE: value_future_of(value); return destroy;
	case AW_VALUE_INTEGER: return destroy;
	default: return NULL;
	}
}

aw_status future_integer(const aw_future *self, int64_t *out) {
	if (self->state != FUTURE_DONE || value_kind(self->value.destroy) != AW_VALUE_INTEGER) return -EINVAL;
	if (out) *out = (intptr_t)self->value.data;
	return 0;
}

int32_t aw_future_value_kind(const aw_future *future) {
	return future_is(future) && future->state == FUTURE_DONE ? value_kind(future->value.destroy)
	                                                         : AW_VALUE_POINTER;
}

/* --- the public functions --- */

ENTRY(aw_future_new, (aw_loop *loop, aw_future **out), (loop, out)) {
	aw_status status = loop_resolve(&loop);
	if (status < 0) return status;
	if (!out) return -EINVAL;
	aw_future *self = future_create(loop, &future_class, &plain_future, sizeof *self);
	if (!self) return -ENOMEM;
	self->origin = CALLER;
	*out = object_hand_out(self, CALLER);
	return 0;
}

aw_future *aw_future_ref(aw_future *self) {
	return future_is(self) ? object_ref_held(self) : self;
}

/* Whether a release would only free the memory. */
static inline bool future_is_bare(const aw_future *self) {
	return self->state == FUTURE_DONE && !((uintptr_t)self->kind->release | (uintptr_t)self->value.destroy |
	                                       (uintptr_t)self->extra | (uintptr_t)self->waiters.head);
}

void aw_future_unref(aw_future *self) {
	if (!future_is(self)) return;
	if (future_is_bare(self) && loop_is_usual(self->loop) &&
	    object_unref_short(&self->base, &self->loop->domain, self->base.size))
		return;
	object_unref_held(self);
}

aw_loop *aw_future_loop(const aw_future *future) {
	return future_is(future) ? future->loop : NULL;
}

aw_task *aw_future_task(aw_future *future) {
	return object_is(future, &task_class) ? (aw_task *)(void *)future : NULL;
}

/* May user code complete this future? */
static aw_status settle_check(const aw_future *future) {
	if (!future_is(future)) return AW_EBADHANDLE;
	aw_status status = loop_check(future->loop);
	if (status < 0) return status;
	if (future->kind->is_task) return -EPERM;
	return future_is_done(future) ? AW_EINVALIDSTATE : 0;
}

ENTRY(aw_future_set_result, (aw_future *future, void *value, aw_destroy_fn destroy), (future, value,
                             destroy)) {
	aw_status status = settle_check(future);
	if (status == 0) future_finish(future, value, destroy);
	return status;
}

ENTRY(aw_future_set_result_int, (aw_future *future, int64_t value), (future, value)) {
	aw_status status = settle_check(future);
	if (status == 0 && (intptr_t)value != value) status = -EOVERFLOW;
	if (status == 0) future_finish(future, (void *)(intptr_t)value, value_integer);
	return status;
}

ENTRY(aw_future_set_error, (aw_future *future, aw_error *error), (future, error)) {
	aw_status status = settle_check(future);
	if (status < 0) return status;
	if (!object_is(error, &error_class)) return AW_EBADHANDLE;
	future_fail(future, error);
	return 0;
}

ENTRY(aw_future_fail, (aw_future *future, aw_status code, const char *message), (future, code, message)) {
	aw_status status = settle_check(future);
	if (status < 0) return status;
	if (!code) return -EINVAL;
	aw_error *error = error_with_message(&future->loop->domain, error_code(code), message);
	future_fail(future, error);
	aw_error_unref(error);
	return 0;
}

ENTRY(aw_future_vfailf, (aw_future *future, aw_status code, const char *format, va_list arguments),
      (future, code, format, arguments)) {
	aw_status status = settle_check(future);
	if (status < 0) return status;
	if (!code) return -EINVAL;
	aw_error *error = error_with_format(&future->loop->domain, error_code(code), format, arguments);
	future_fail(future, error);
	aw_error_unref(error);
	return 0;
}

aw_status aw_future_failf(aw_future *future, aw_status code, const char *format, ...) {
	va_list arguments;
	va_start(arguments, format);
	aw_status status = aw_future_vfailf(future, code, format, arguments);
	va_end(arguments);
	return status;
}

/*
 * Keeps the owner of a copied value alive: an entry in the (otherwise unused) waiters of a completed future.
 */
typedef struct keeper {
	future_waiter waiter;
	aw_future *kept; /* a reference: it owns the value */
} keeper;

static aw_status keeper_run(ready_item *item) {
	keeper *self = container_of(item, keeper, waiter.item);
	object_unref(self->kept);
	free(self);
	return 0;
}

/* Finishes `target` with the value of `self`, which it keeps alive if the value has no reference count. */
static aw_status copy_value(aw_future *self, aw_future *target) {
	void *value = self->value.data;
	keeper *keeps = NULL;
	if (value && value_kind(self->value.destroy) == AW_VALUE_POINTER) {
		keeps = malloc(sizeof *keeps);
		if (!keeps) return -ENOMEM;
		*keeps = (keeper){.waiter.item.run = keeper_run, .kept = object_ref(self)};
	}
	future_finish(target, value, value_share(value, self->value.destroy));
	if (!keeps) return 0;
	keeps->waiter.link = &target->waiters.head;
	ready_push(&target->waiters, &keeps->waiter.item);
	return 0;
}

ENTRY(aw_future_copy, (aw_future *future, aw_future *target), (future, target)) {
	if (!future_is(future)) return AW_EBADHANDLE;
	aw_status status = settle_check(target);
	if (status < 0) return status;
	if (future->loop != target->loop) return AW_EFOREIGNLOOP;
	if (!future_is_done(future)) return AW_EINVALIDSTATE;
	if (future->state == FUTURE_DONE) return copy_value(future, target);
	future->unretrieved = false;
	if (future->state == FUTURE_FAILED)
		future_fail(target, future->error);
	else
		future_set_cancelled(target, future->error);
	return 0;
}

ENTRY(aw_future_cancel, (aw_future *future, const char *message), (future, message)) {
	if (!future_is(future)) return AW_EBADHANDLE;
	aw_status status = loop_check(future->loop);
	if (status < 0) return status;
	aw_error *reason = error_with_message(&future->loop->domain, AW_ECANCELLED, message);
	bool accepted = future_cancel(future, reason);
	aw_error_unref(reason);
	return accepted;
}

ENTRY(aw_future_cancel_error, (aw_future *future, aw_error *error), (future, error)) {
	if (!future_is(future) || !object_is(error, &error_class)) return AW_EBADHANDLE;
	aw_status status = loop_check(future->loop);
	if (status < 0) return status;
	if (error->status != AW_ECANCELLED) return -EINVAL;
	/* A destroy that runs on the way may drop the caller's reference. */
	aw_error_ref(error);
	bool accepted = future_cancel(future, error);
	aw_error_unref(error);
	return accepted;
}

aw_bool aw_future_done(const aw_future *future) {
	return future_is(future) && future_is_done(future);
}

aw_bool aw_future_cancelled(const aw_future *future) {
	return future_is(future) && future->state == FUTURE_CANCELLED;
}

/* Records the future's own error, as Python's result() raises the original exception. */
aw_status aw_future_result(aw_future *future, void **out) {
	if (!future_is(future)) return failed(AW_EBADHANDLE);
	if (!future_is_done(future)) return failed(AW_EINVALIDSTATE);
	aw_error *error = NULL;
	aw_status status = future_outcome(future, out, &error);
	return status < 0 ? failed_with(error) : status;
}

aw_status aw_future_result_int(aw_future *future, int64_t *out) {
	aw_status status = aw_future_result(future, NULL);
	return status < 0 ? status : noted(future_integer(future, out));
}

aw_status aw_future_take_result(aw_future *future, void **out, aw_destroy_fn *out_destroy) {
	aw_status status = aw_future_result(future, out);
	if (status < 0) return status;
	if (!out) return 0;
	if (out_destroy) *out_destroy = future->value.destroy;
	future->value.data = NULL;
	future->value.destroy = NULL;
	return 0;
}

aw_status aw_future_error(aw_future *future, aw_error **out) {
	if (!future_is(future)) return failed(AW_EBADHANDLE);
	if (!future_is_done(future)) return failed(AW_EINVALIDSTATE);
	aw_error *error = NULL;
	aw_status status = future_outcome(future, NULL, &error);
	if (out) *out = error;
	return status == AW_ECANCELLED && future->state == FUTURE_CANCELLED ? failed_with(error) : 0;
}

/* --- done callbacks --- */

typedef struct done_callback {
	future_waiter waiter;
	closer closer;
	aw_loop *loop;
	aw_future *of; /* borrowed, while it is pending */
	aw_done_fn fn;
	void *ud;
	aw_destroy_fn destroy;
	binding *context;   /* in which it runs; a reference */
	const void *origin; /* the code that added it */
} done_callback;

static aw_status done_callback_run(ready_item *item) {
	done_callback *self = container_of(item, done_callback, waiter.item);
	aw_future *future = self->waiter.future;
	aw_loop *loop = self->loop;
	aw_status status = 0;
	/* No future: the callback was removed, or the future was freed pending. Only destroy is left to call. */
	if (future && !loop_closing(loop)) {
		binding *outer = context_swap(self->context);
		status = self->fn(future, self->ud);
		self->context = context_swap(outer);
	}
	if (status != 0 && status != AW_ESYSTEMEXIT) report_callback(loop, status, self->origin);
	loop_remove_closer(loop, &self->closer);
	object_destroy_user(self->destroy, self->ud);
	context_drop(self->context);
	future_waiter_end(&self->waiter);
	slab_give(&loop->domain.slabs, self, sizeof *self);
	return status == AW_ESYSTEMEXIT ? AW_ESYSTEMEXIT : 0;
}

/* The loop is closing: a callback that is still pending will never be called. */
static void done_callback_close(closer *base) {
	done_callback *self = container_of(base, done_callback, closer);
	if (!self->waiter.future && future_unwait(self->of, &self->waiter))
		self->waiter.item.run(&self->waiter.item);
}

ENTRY(aw_future_add_done_callback, (aw_future *future, aw_done_fn fn, void *ud, aw_destroy_fn destroy),
      (future, fn, ud, destroy)) {
	aw_status status = future_is(future) ? loop_check(future->loop) : AW_EBADHANDLE;
	if (status == 0 && !fn) status = -EINVAL;
	done_callback *self = status < 0 ? NULL : slab_take(&future->loop->domain.slabs, sizeof *self);
	if (!self) {
		object_destroy_user(destroy, ud);
		return status < 0 ? status : -ENOMEM;
	}
	*self = (done_callback){.waiter.item.run = done_callback_run,
	                        .closer.close = done_callback_close,
	                        .loop = future->loop,
	                        .of = future,
	                        .fn = fn,
	                        .ud = ud,
	                        .destroy = destroy,
	                        .context = context_capture(),
	                        .origin = __builtin_return_address(0)};
	loop_add_closer(future->loop, &self->closer);
	future_wait(future, &self->waiter);
	return 0;
}

ENTRY(aw_future_remove_done_callback, (aw_future *future, aw_done_fn fn, void *ud), (future, fn, ud)) {
	aw_status status = future_is(future) ? loop_check(future->loop) : AW_EBADHANDLE;
	if (status < 0) return status;
	if (future_is_done(future)) return 0;
	aw_status removed = 0;
	for (ready_item *item = future->waiters.head, *next; item; item = next) {
		done_callback *callback = container_of(item, done_callback, waiter.item);
		next = item->next;
		if (item->run != done_callback_run || callback->fn != fn || callback->ud != ud) continue;
		waiter_unlink(future, &callback->waiter);
		loop_push(future->loop, item); /* without a future: only destroy is called */
		removed++;
	}
	return removed;
}

static bool has_others(object *base) {
	return atomic_load_explicit(&base->refs, memory_order_relaxed) > 1;
}

aw_bool aw_future_is_shared(const aw_future *future) {
	if (!future_is(future)) return 0;
	aw_future *self = (aw_future *)(uintptr_t)future;
	bool failed = self->state == FUTURE_FAILED || self->state == FUTURE_CANCELLED;
	return has_others(&self->base) || (failed && !self->error->immortal && has_others(&self->error->base));
}

ENTRY(aw_future_set_host_data, (aw_future *future, void *data, aw_destroy_fn destroy), (future, data,
                                destroy)) {
	if (!future_is(future)) {
		object_destroy_user(destroy, data);
		return AW_EBADHANDLE;
	}
	if (!data && !destroy && !future->extra) return 0;
	if (!future_extra_of(future)) {
		object_destroy_user(destroy, data);
		return -ENOMEM;
	}
	host_slot_set(&future->extra->host_slot, data, destroy);
	return 0;
}

void *aw_future_host_data(const aw_future *future) {
	return future_is(future) && future->extra ? future->extra->host_slot.data : NULL;
}
