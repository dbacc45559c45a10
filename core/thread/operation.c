/* SPDX-License-Identifier: MIT */
/*
 * An operation of another library: a future that stays pending until the library has finished, also after a
 * cancellation, which only asks the library to be quick.
 *
 * Whoever finishes first, on any thread, owns the outcome until the item in it has reached the loop's thread,
 * which settles the future. Without a loop the outcome is destroyed where it is.
 */
#include "context.h"
#include "failure.h"
#include "future.h"
#include "handle.h"
#include "run_in_executor.h"

#include <await/operation.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef struct operation_future operation_future;

enum { UNFINISHED, FINISHED };

struct aw_operation {
	object base;
	operation_future *future; /* a reference */
	closer closer;
	ready_item cancelling; /* queued with a reference, to call `cancel` */
	ready_item arrival;    /* posted with a reference, once it is finished */
	aw_operation_cancel_fn cancel;
	void *ud;
	aw_destroy_fn destroy;
	binding *context;          /* in which `cancel` runs; a reference */
	aw_error *reason;          /* of the cancellation; a reference */
	_Atomic uint8_t state;     /* the outcome below belongs to whoever made it FINISHED */
	_Atomic bool is_cancelled; /* a cancellation was requested */
	bool in_cancel, settled, held;
	aw_status status;
	void *value;
	aw_destroy_fn value_destroy;
	char *message;
};

struct operation_future {
	aw_future future;
	aw_operation *operation; /* while it is not settled */
};

static bool is_finished(aw_operation *self) {
	return atomic_load_explicit(&self->state, memory_order_acquire) == FINISHED;
}

static aw_loop *loop_of(const aw_operation *self) {
	return self->future->future.loop;
}

/* The library has released what `ud` is about. */
static void drop_callback(aw_operation *self) {
	aw_destroy_fn destroy = self->destroy;
	binding *context = self->context;
	self->destroy = NULL;
	self->context = NULL;
	object_destroy_user(destroy, self->ud);
	context_drop(context);
}

static void drop_value(aw_operation *self) {
	aw_destroy_fn destroy = self->value_destroy;
	self->value_destroy = NULL;
	object_destroy_user(destroy, self->value);
}

/* --- the outcome, on the loop's thread --- */

/* The loop has nothing to do with it any more. */
static void detach(aw_operation *self) {
	aw_loop *loop = loop_of(self);
	self->settled = true;
	self->future->operation = NULL;
	loop_remove_closer(loop, &self->closer);
	if (self->held) thread_work_end(loop);
	self->held = false;
}

static aw_error *error_of_outcome(aw_operation *self) {
	if (self->status == AW_ECANCELLED && self->reason && !self->message) return aw_error_ref(self->reason);
	return error_with_message(&loop_of(self)->domain, self->status, self->message);
}

static void settle(aw_operation *self) {
	aw_future *future = &self->future->future;
	detach(self);
	if (loop_closing(future->loop)) {
		drop_value(self);
	} else if (self->status < 0) {
		aw_error *error = error_of_outcome(self);
		if (self->status == AW_ECANCELLED)
			future_set_cancelled(future, error);
		else
			future_fail(future, error);
		aw_error_unref(error);
	} else {
		aw_destroy_fn destroy = self->value_destroy;
		self->value_destroy = NULL;
		future_finish(future, self->value, destroy);
	}
	if (!self->in_cancel) drop_callback(self);
}

static aw_status arrived(ready_item *item) {
	aw_operation *self = container_of(item, aw_operation, arrival);
	settle(self);
	object_unref(self);
	return 0;
}

/* --- cancelling --- */

static void call_cancel(aw_operation *self) {
	if (is_finished(self)) return;
	binding *outer = context_swap(self->context);
	self->in_cancel = true;
	self->cancel(self, self->ud);
	self->in_cancel = false;
	self->context = context_swap(outer);
	if (self->settled) drop_callback(self);
}

/* No user code may run while a cancellation walks through the futures, so it is called from dispatch. */
static aw_status cancel_run(ready_item *item) {
	aw_operation *self = container_of(item, aw_operation, cancelling);
	call_cancel(self);
	object_unref(self);
	return 0;
}

static bool operation_cancel(aw_future *future, aw_error *reason) {
	aw_operation *self = ((operation_future *)(void *)future)->operation;
	if (!self || atomic_exchange(&self->is_cancelled, true)) return true;
	self->reason = aw_error_ref(reason);
	if (!self->cancel) return true;
	object_ref(self);
	loop_push(future->loop, &self->cancelling);
	return true;
}

/* The loop is closing: the last chance for the library to release what it uses. */
static void operation_close(closer *base) {
	aw_operation *self = container_of(base, aw_operation, closer);
	object_ref(self);
	if (self->cancel && !atomic_exchange(&self->is_cancelled, true)) call_cancel(self);
	if (self->held) thread_work_end(loop_of(self));
	self->held = false;
	object_unref(self);
}

static void operation_describe(const aw_future *future, future_description *out) {
	const aw_operation *self = ((const operation_future *)(const void *)future)->operation;
	if (self && self->cancel)
		place_of_function((const void *)(uintptr_t)self->cancel, out->text, sizeof out->text);
}

static const future_kind operation_kind = {
	.cancel = operation_cancel, .what = "operation", .describe = operation_describe};

/* --- creation and release --- */

/* Nobody can finish it any more. */
static void operation_release(object *base) {
	aw_operation *self = (aw_operation *)base;
	aw_loop *loop = loop_of(self);
	if (!self->settled && loop->state != LOOP_CLOSED) {
		aw_future *future = &self->future->future;
		detach(self);
		if (!is_finished(self) && !loop_closing(loop)) future_fail(future, error_of(-EOWNERDEAD));
	}
	self->future->operation = NULL;
	drop_value(self);
	drop_callback(self);
	free(self->message);
	aw_error_unref(self->reason);
	object_unref(self->future);
	object_free(base);
}

static const object_class operation_class = {
	.name = "operation", .size = sizeof(aw_operation), .release = operation_release};

static bool operation_is(const aw_operation *self) {
	return object_is(self, &operation_class);
}

static aw_operation *create(aw_loop *loop, const void *origin) {
	operation_future *future = future_create(loop, &future_class, &operation_kind, sizeof *future);
	aw_operation *self = future ? object_new(&loop->domain, &operation_class) : NULL;
	if (!self) {
		if (future) object_unref(future);
		return NULL;
	}
	future->future.origin = origin;
	future->operation = self;
	self->future = future;
	self->closer = (closer){.phase = CLOSE_TASKS, .close = operation_close};
	self->cancelling.run = cancel_run;
	self->arrival.run = arrived;
	loop_add_closer(loop, &self->closer);
	return self;
}

ENTRY(aw_operation_new,
      (aw_loop *loop, aw_operation_cancel_fn cancel, void *ud, aw_destroy_fn destroy, aw_operation **out),
      (loop, cancel, ud, destroy, out)) {
	aw_status status = loop_resolve(&loop);
	if (status == 0 && !out) status = -EINVAL;
	if (status == 0) status = thread_work_begin(loop);
	aw_operation *self = status < 0 ? NULL : create(loop, CALLER);
	if (!self) {
		if (status == 0) thread_work_end(loop);
		object_destroy_user(destroy, ud);
		return status < 0 ? status : -ENOMEM;
	}
	self->held = true;
	self->cancel = cancel;
	self->ud = ud;
	self->destroy = destroy;
	self->context = context_capture();
	*out = object_hand_out(self, CALLER);
	return 0;
}

REFERENCES(aw_operation, operation_is(self))

ENTRY(aw_operation_future, (aw_operation *self, aw_future **out), (self, out)) {
	if (!operation_is(self)) return AW_EBADHANDLE;
	if (!out) return -EINVAL;
	*out = object_hand_out(object_ref(self->future), CALLER);
	return 0;
}

aw_bool aw_operation_cancelled(const aw_operation *self) {
	return operation_is(self) && atomic_load(&((aw_operation *)(uintptr_t)self)->is_cancelled);
}

/* --- finishing, on any thread --- */

/* The loop is gone: nobody else looks at the operation. */
static void abandon(aw_operation *self) {
	drop_value(self);
	drop_callback(self);
}

/* Takes ownership of the value and the message. */
static aw_status finish(aw_operation *self, aw_status status, void *value, aw_destroy_fn destroy,
                        char *message) {
	aw_loop *loop = loop_of(self);
	uint8_t unfinished = UNFINISHED;
	aw_status refused = loop->fork_generation != *threads_fork_word ? AW_EFORKED : 0;
	if (refused == 0 && !atomic_compare_exchange_strong(&self->state, &unfinished, FINISHED))
		refused = AW_EINVALIDSTATE;
	if (refused < 0) {
		object_destroy_user(destroy, value);
		free(message);
		return refused;
	}
	self->status = status;
	self->value = value;
	self->value_destroy = destroy;
	self->message = message;
	uint8_t state = loop->state;
	/* Inside the loop: the thread that drives it is this one. */
	if (state == LOOP_OPEN && atomic_load_explicit(&loop->driver, memory_order_relaxed) == thread_self()) {
		object_ref(self); /* a destroy may drop the caller's */
		settle(self);
		object_unref(self);
		return 0;
	}
	object_ref(self);
	if (state != LOOP_CLOSED && handle_post(loop, &self->arrival)) return 0;
	abandon(self);
	object_unref(self);
	return AW_ELOOPCLOSED;
}

ENTRY(aw_operation_finish, (aw_operation *self, void *value, aw_destroy_fn destroy),
      (self, value, destroy)) {
	if (operation_is(self)) return finish(self, 0, value, destroy, NULL);
	object_destroy_user(destroy, value);
	return AW_EBADHANDLE;
}

ENTRY(aw_operation_finish_int, (aw_operation *self, int64_t value), (self, value)) {
	if (!operation_is(self)) return AW_EBADHANDLE;
	if ((intptr_t)value != value) return -EOVERFLOW;
	return finish(self, 0, (void *)(intptr_t)value, value_integer, NULL);
}

ENTRY(aw_operation_fail, (aw_operation *self, aw_status code, const char *message),
      (self, code, message)) {
	if (!operation_is(self)) return AW_EBADHANDLE;
	if (!code) return -EINVAL;
	/* Without memory the failure loses its text, and stays a failure. */
	return finish(self, error_code(code), NULL, NULL, message ? strdup(message) : NULL);
}
