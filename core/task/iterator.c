/* SPDX-License-Identifier: MIT */
/*
 * Asynchronous iterators and scopes. In a stackful task both are plain calls; where the caller needs a
 * future, a separate task runs the call.
 */
#include "coro.h"
#include "failure.h"
#include "task.h"

#include <await/iterator.h>
#include <errno.h>
#include <stdlib.h>

struct aw_iterator {
	object base;
	aw_loop *loop;
	aw_next_fn next; /* one of these is set */
	aw_next_coro_fn next_coro;
	void *ud;
	aw_destroy_fn destroy;
};

static void iterator_release(object *base) {
	aw_iterator *self = (aw_iterator *)base;
	object_destroy_user(self->destroy, self->ud);
	object_free(base);
}

static const object_class iterator_class = {
	.name = "iterator", .size = sizeof(aw_iterator), .release = iterator_release};

static aw_status iterator_create(aw_loop *loop, bool usable, void *ud, aw_destroy_fn destroy,
                                 const void *origin, aw_iterator **out) {
	aw_status status = loop_resolve(&loop);
	if (status == 0 && (!usable || !out)) status = -EINVAL;
	aw_iterator *self = status < 0 ? NULL : object_new(&loop->domain, &iterator_class);
	if (!self) {
		object_destroy_user(destroy, ud);
		return status < 0 ? status : -ENOMEM;
	}
	self->loop = loop;
	self->ud = ud;
	self->destroy = destroy;
	*out = object_hand_out(self, origin);
	return 0;
}

ENTRY(aw_iterator_new, (aw_loop *loop, aw_next_fn fn, void *ud, aw_destroy_fn destroy, aw_iterator **out),
      (loop, fn, ud, destroy, out)) {
	aw_status status = iterator_create(loop, fn != NULL, ud, destroy, CALLER, out);
	if (status == 0) (*out)->next = fn;
	return status;
}

ENTRY(aw_iterator_new_coro, (aw_loop *loop, aw_next_coro_fn fn, void *ud, aw_destroy_fn destroy,
                             aw_iterator **out),
      (loop, fn, ud, destroy, out)) {
	aw_status status = iterator_create(loop, fn != NULL, ud, destroy, CALLER, out);
	if (status == 0) (*out)->next_coro = fn;
	return status;
}

REFERENCES(aw_iterator, object_is(self, &iterator_class))

static aw_status iterator_check(const aw_iterator *iterator) {
	return object_is(iterator, &iterator_class) ? loop_check(iterator->loop) : AW_EBADHANDLE;
}

/* Calls the user's factory, on the thread's stack. */
typedef struct factory_call {
	aw_iterator *iterator;
	aw_coro *coro;
	aw_status status;
} factory_call;

static void call_factory(void *arg) {
	factory_call *self = arg;
	self->status = self->iterator->next_coro(self->iterator->ud, &self->coro);
}

static aw_status next_coro(aw_iterator *iterator, aw_coro **out) {
	factory_call call = {.iterator = iterator};
	call_on_thread_stack(call_factory, &call);
	*out = call.coro;
	return call.status < 0 ? call.status : call.coro ? 0 : AW_ESTOPITERATION;
}

/* Awaits a coroutine and moves its value to the caller. */
static aw_status await_moved(aw_coro *coro, void **out, aw_destroy_fn *out_destroy) {
	aw_status status = aw_await_coro(coro, out);
	if (status == 0) {
		if (out_destroy) *out_destroy = coro->value_destroy;
		coro->value_destroy = NULL;
	}
	object_unref(coro);
	return status;
}

aw_status aw_iterator_next(aw_iterator *iterator, void **out, aw_destroy_fn *out_destroy) {
	if (!stackful_here()) return AW_ENOTASK;
	aw_status status = iterator_check(iterator);
	if (status == 0 && !out) status = -EINVAL;
	if (status < 0) return failed(status);
	failure_forget(); /* so that any failure noted below belongs to this call */
	void *item = NULL;
	aw_destroy_fn destroy = NULL;
	aw_coro *coro;
	object_ref(iterator); /* across the awaits */
	if (iterator->next)
		status = iterator->next(iterator->ud, &item, &destroy);
	else if ((status = next_coro(iterator, &coro)) == 0)
		status = await_moved(coro, &item, &destroy);
	object_unref(iterator);
	if (status < 0) return failed_in_callback(status);
	failure_forget(); /* errors that the iterator handled itself */
	*out = item;
	if (out_destroy) *out_destroy = destroy;
	return 0;
}

static aw_status next_in_task(void *ud) {
	aw_iterator *self = ud;
	void *item = NULL;
	aw_destroy_fn destroy = NULL;
	aw_status status = self->next(self->ud, &item, &destroy);
	return status < 0 ? status : aw_return(item, destroy);
}

static void unref_iterator(void *iterator) {
	object_unref(iterator);
}

ENTRY(aw_iterator_next_future, (aw_iterator *iterator, aw_future **out), (iterator, out)) {
	aw_status status = iterator_check(iterator);
	if (status < 0) return status;
	if (!out) return -EINVAL;
	aw_task *task;
	aw_coro *coro;
	if (iterator->next) {
		status = task_spawn(iterator->loop, next_in_task, object_ref(iterator), unref_iterator, false, CALLER,
		                    &task);
	} else {
		object_ref(iterator); /* the factory may drop the last reference */
		status = next_coro(iterator, &coro);
		if (status == 0) {
			status = task_spawn_coro(iterator->loop, coro, false, CALLER, &task);
			object_unref(coro);
		}
		object_unref(iterator);
	}
	if (status == 0) *out = object_hand_out(task, CALLER);
	return status;
}

aw_status aw_with(aw_task_fn enter, aw_task_fn body, aw_exit_fn leave, void *ud) {
	if (!stackful_here()) return AW_ENOTASK;
	if (!body || !leave) return failed(-EINVAL);
	failure_forget(); /* so that any failure noted below belongs to this call */
	aw_status status = enter ? enter(ud) : 0;
	if (status < 0) return failed_in_callback(status);
	failure_forget();
	status = body(ud);
	/* Save the body's error: awaits in the exit overwrite the noted one. */
	aw_error *failure = NULL;
	if (status < 0)
		failure = aw_error_ref(failure_of(failed_in_callback(status)));
	else
		failure_forget();
	aw_status end = leave(ud, status);
	if (end < 0)
		status = failed_in_callback(end);
	else if (end == 0 && failure)
		status = failed_with(failure);
	else
		failure_forget();
	aw_error_unref(failure);
	return end > 0 && status < 0 ? 0 : status;
}
