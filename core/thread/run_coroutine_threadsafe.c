/* SPDX-License-Identifier: MIT */
/*
 * run_coroutine_threadsafe: lets another thread spawn a task and get its outcome. The object embeds the items
 * that carry the request and a cancellation through the loop's posted list.
 *
 * Closing the loop settles every concurrent future, under its mutex. So a thread that holds the mutex and
 * sees a pending future knows that the loop exists, and may post. The task is kept for its value; dropping it
 * on another thread defers the destroys to the loop's thread.
 */
#include "concurrent_future.h"

#include "context.h"
#include "executor.h"
#include "failure.h"
#include "handle.h"
#include "park.h"
#include "task.h"
#include "tsan.h"

#include <errno.h>

struct aw_concurrent_future {
	object base;
	uint32_t fork_generation;
	pthread_mutex_t mutex; /* guards the outcome */
	park waiting;          /* threads waiting for the outcome */
	uint8_t state;         /* enum future_state */
	bool is_integer;       /* the value is an integer */
	concurrent_future_follower *followers;
	void *value;     /* owned by the task */
	aw_error *error; /* a reference */
	/* Set before posting; afterwards only the loop's thread uses these. */
	aw_loop *loop;
	ready_item arrival, cancellation;
	future_waiter waiter; /* on the task */
	closer closer;
	aw_task *task; /* a reference, once spawned */
	aw_task_fn fn;
	aw_step_fn step; /* alternative to `fn` */
	void *ud;
	aw_destroy_fn destroy;
	binding *context; /* a reference */
	const void *origin;
};

static void concurrent_future_release(object *base) {
	aw_concurrent_future *self = (aw_concurrent_future *)base;
	if (self->task) object_unref(self->task);
	aw_error_unref(self->error);
	pthread_mutex_destroy(&self->mutex);
	object_free(base);
}

static const object_class concurrent_future_class = {
	.name = "concurrent future", .size = sizeof(aw_concurrent_future), .release = concurrent_future_release};

bool concurrent_future_is(const aw_concurrent_future *future) {
	return object_is(future, &concurrent_future_class);
}

/* --- the outcome --- */

static bool is_done(const aw_concurrent_future *self) {
	return self->state != FUTURE_PENDING;
}

static void follower_link(aw_concurrent_future *self, concurrent_future_follower *follower) {
	follower->previous = NULL;
	follower->next = self->followers;
	if (follower->next) follower->next->previous = follower;
	self->followers = follower;
	follower->listed = true;
}

static void follower_unlink(aw_concurrent_future *self, concurrent_future_follower *follower) {
	if (follower->next) follower->next->previous = follower->previous;
	if (follower->previous)
		follower->previous->next = follower->next;
	else
		self->followers = follower->next;
	follower->listed = false;
}

/* The mutex is held. If its loop has begun to close, a follower stays listed; its closer removes it. */
static void tell_followers(aw_concurrent_future *self) {
	for (concurrent_future_follower *at = self->followers, *next; at; at = next) {
		next = at->next;
		/* Unlink first: the loop may free it as soon as it is posted. */
		follower_unlink(self, at);
		if (handle_post(at->loop, &at->arrival)) continue;
		follower_link(self, at);
	}
}

/* The mutex is held. Only the first outcome counts. */
static void settle(aw_concurrent_future *self, enum future_state state, void *value, aw_error *error) {
	if (is_done(self)) return;
	self->state = (uint8_t)state;
	self->value = value;
	self->error = aw_error_ref(error);
	tsan_release(self);
	park_wake(&self->waiting);
	tell_followers(self);
}

static void settle_failed(aw_concurrent_future *self, aw_status status) {
	pthread_mutex_lock(&self->mutex);
	settle(self, FUTURE_FAILED, NULL, error_of(status));
	pthread_mutex_unlock(&self->mutex);
}

static void settle_from(aw_concurrent_future *self, aw_future *future) {
	void *value = NULL;
	aw_error *error = NULL;
	(void)future_outcome(future, &value, &error);
	pthread_mutex_lock(&self->mutex);
	self->is_integer = future->state == FUTURE_DONE && value_kind(future->value.destroy) == AW_VALUE_INTEGER;
	settle(self, (enum future_state)future->state, value, error);
	pthread_mutex_unlock(&self->mutex);
}

/* The mutex is held. */
static aw_status outcome(const aw_concurrent_future *self, void **out) {
	if (!is_done(self)) return AW_EINVALIDSTATE;
	tsan_acquire((void *)(uintptr_t)self);
	if (self->state == FUTURE_DONE) {
		if (out) *out = self->value;
		return 0;
	}
	return self->state == FUTURE_CANCELLED ? AW_ECANCELLED : self->error->status;
}

/* --- on the loop's thread --- */

/* The task is done; or, without a future, the loop is closing. */
static aw_status task_done(ready_item *item) {
	aw_concurrent_future *self = container_of(item, aw_concurrent_future, waiter.item);
	if (self->waiter.future)
		settle_from(self, self->waiter.future);
	else
		settle_failed(self, AW_ELOOPCLOSED);
	loop_remove_closer(self->loop, &self->closer);
	future_waiter_end(&self->waiter);
	object_unref(self);
	return 0;
}

static void concurrent_future_close(closer *base) {
	aw_concurrent_future *self = container_of(base, aw_concurrent_future, closer);
	if (!self->waiter.future && future_unwait(&self->task->future, &self->waiter))
		self->waiter.item.run(&self->waiter.item);
}

/* Takes ownership of the callback, even on failure. */
static aw_status spawn(aw_concurrent_future *self) {
	aw_coro *coro;
	if (self->fn)
		return task_spawn(self->loop, self->fn, self->ud, self->destroy, false, self->origin, &self->task);
	aw_status status = coro_make(self->loop, self->step, self->ud, self->destroy, self->origin, &coro);
	if (status < 0) return status;
	status = task_spawn_coro(self->loop, coro, false, self->origin, &self->task);
	object_unref(coro);
	return status;
}

/*
 * Spawns the task in the submitter's context. The wait for the task inherits the loop's reference; on failure
 * it is dropped here.
 */
static void begin(aw_concurrent_future *self) {
	binding *outer = context_swap(self->context);
	aw_status status = spawn(self);
	context_drop(context_swap(outer));
	self->context = NULL;
	if (status < 0) {
		settle_failed(self, status);
		object_unref(self);
		return;
	}
	loop_add_closer(self->loop, &self->closer);
	future_wait(&self->task->future, &self->waiter);
}

static aw_status arrived(ready_item *item) {
	aw_concurrent_future *self = container_of(item, aw_concurrent_future, arrival);
	if (loop_closing(self->loop)) settle_failed(self, AW_ELOOPCLOSED);
	if (!aw_concurrent_future_done(self)) {
		begin(self);
		return 0;
	}
	/* Cancelled before it arrived, or the loop is closing: it never runs. */
	object_destroy_user(self->destroy, self->ud);
	context_drop(self->context);
	object_unref(self);
	return 0;
}

static aw_status cancel_arrived(ready_item *item) {
	aw_concurrent_future *self = container_of(item, aw_concurrent_future, cancellation);
	if (self->task && !loop_closing(self->loop)) task_cancel(self->task, error_of(AW_ECANCELLED));
	object_unref(self);
	return 0;
}

/* --- submitting --- */

static void concurrent_future_init(aw_concurrent_future *self, aw_loop *loop) {
	self->fork_generation = loop->fork_generation;
	pthread_mutex_init(&self->mutex, NULL);
	self->loop = loop;
	self->arrival.run = arrived;
	self->cancellation.run = cancel_arrived;
	self->waiter.item.run = task_done;
	self->closer.close = concurrent_future_close;
}

static aw_status submit(aw_loop *loop, aw_task_fn fn, aw_step_fn step, void *ud, aw_destroy_fn destroy,
                        const void *origin, aw_concurrent_future **out) {
	aw_status status = loop_is(loop) ? 0 : AW_EBADHANDLE;
	if (status == 0 && loop->fork_generation != *threads_fork_word) status = AW_EFORKED;
	if (status == 0 && ((!fn && !step) || !out)) status = -EINVAL;
	aw_concurrent_future *self = status < 0 ? NULL : object_new(&domain_none, &concurrent_future_class);
	if (!self) {
		object_destroy_user(destroy, ud);
		return status < 0 ? status : -ENOMEM;
	}
	concurrent_future_init(self, loop);
	self->fn = fn;
	self->step = step;
	self->ud = ud;
	self->destroy = destroy;
	self->context = context_capture();
	self->origin = origin;
	object_hand_out(object_ref(self), origin); /* the other reference is the loop's */
	if (handle_post(loop, &self->arrival)) {
		*out = self;
		return 0;
	}
	context_drop(self->context);
	object_unref(self);
	object_unref(self);
	object_destroy_user(destroy, ud);
	return AW_ELOOPCLOSED;
}

ENTRY(aw_run_coroutine_threadsafe, (aw_loop *loop, aw_task_fn fn, void *ud, aw_destroy_fn destroy,
                                    aw_concurrent_future **out),
      (loop, fn, ud, destroy, out)) {
	return submit(loop, fn, NULL, ud, destroy, CALLER, out);
}

ENTRY(aw_run_step_threadsafe, (aw_loop *loop, aw_step_fn fn, void *ud, aw_destroy_fn destroy,
                               aw_concurrent_future **out),
      (loop, fn, ud, destroy, out)) {
	return submit(loop, NULL, fn, ud, destroy, CALLER, out);
}

/* --- for other threads --- */

REFERENCES(aw_concurrent_future, object_is(self, &concurrent_future_class))

/* Returns 0 with the mutex held, or an error. */
static aw_status concurrent_future_lock(aw_concurrent_future *self) {
	if (!object_is(self, &concurrent_future_class)) return AW_EBADHANDLE;
	if (self->fork_generation != *threads_fork_word) return AW_EFORKED;
	pthread_mutex_lock(&self->mutex);
	return 0;
}

/* The mutex is held. Returns 0 if it is done, however the wait ended. */
static aw_status wait_until_done(aw_concurrent_future *self, const park_limit *limit) {
	aw_status status = 0;
	/* The thread that runs the loop would deadlock. */
	if (!is_done(self) && thread_here()->loop == self->loop) return -EDEADLK;
	while (!is_done(self) && status == 0) status = park_wait(&self->waiting, &self->mutex, limit);
	return is_done(self) ? 0 : status;
}

ENTRY(aw_concurrent_future_wait, (aw_concurrent_future *future, int64_t timeout_ns, void **out), (future,
                                  timeout_ns, out)) {
	park_limit limit = park_limit_after(timeout_ns);
	aw_status status = concurrent_future_lock(future);
	if (status < 0) return status;
	object_ref(future); /* the task may drop the last reference */
	status = wait_until_done(future, &limit);
	if (status == 0) status = outcome(future, out);
	pthread_mutex_unlock(&future->mutex);
	object_unref(future);
	return status;
}

ENTRY(aw_concurrent_future_wait_interruptible, (aw_concurrent_future *future, int64_t timeout_ns,
                                                aw_interrupt *interrupt), (future, timeout_ns, interrupt)) {
	park_limit limit = park_limit_after(timeout_ns);
	aw_status status = interrupt_check(interrupt);
	if (status == 0) status = concurrent_future_lock(future);
	if (status < 0) return status;
	limit.signals = true;
	limit.interrupt = aw_interrupt_ref(interrupt);
	object_ref(future);
	status = wait_until_done(future, &limit);
	pthread_mutex_unlock(&future->mutex);
	object_unref(future);
	aw_interrupt_unref(interrupt);
	return status;
}

ENTRY(aw_concurrent_future_result, (aw_concurrent_future *future, void **out), (future, out)) {
	aw_status status = concurrent_future_lock(future);
	if (status < 0) return status;
	status = outcome(future, out);
	pthread_mutex_unlock(&future->mutex);
	return status;
}

aw_error *aw_concurrent_future_error(aw_concurrent_future *future) {
	if (concurrent_future_lock(future) < 0) return NULL;
	aw_error *error = future->error;
	pthread_mutex_unlock(&future->mutex);
	return error;
}

ENTRY(aw_concurrent_future_cancel, (aw_concurrent_future *future), (future)) {
	aw_status status = concurrent_future_lock(future);
	if (status < 0) return status;
	object_ref(future);
	bool accepted = !is_done(future);
	if (accepted) {
		settle(future, FUTURE_CANCELLED, NULL, error_of(AW_ECANCELLED));
		object_ref(future);
		/* A refused post means that the loop is closing, which ends the task. */
		if (!handle_post(future->loop, &future->cancellation)) object_unref(future);
	}
	pthread_mutex_unlock(&future->mutex);
	object_unref(future);
	return accepted;
}

static bool has_state(aw_concurrent_future *self, bool any, enum future_state state) {
	if (concurrent_future_lock(self) < 0) return false;
	bool found = any ? is_done(self) : self->state == state;
	pthread_mutex_unlock(&self->mutex);
	return found;
}

aw_bool aw_concurrent_future_done(aw_concurrent_future *future) {
	return has_state(future, true, FUTURE_PENDING);
}

aw_bool aw_concurrent_future_cancelled(aw_concurrent_future *future) {
	return has_state(future, false, FUTURE_CANCELLED);
}

/* --- for other loops --- */

aw_status concurrent_future_follow(aw_concurrent_future *future, concurrent_future_follower *follower) {
	aw_status status = concurrent_future_lock(future);
	if (status < 0) return status;
	if (!is_done(future))
		follower_link(future, follower);
	else
		loop_push(follower->loop, &follower->arrival);
	pthread_mutex_unlock(&future->mutex);
	return 0;
}

bool concurrent_future_unfollow(aw_concurrent_future *future, concurrent_future_follower *follower) {
	pthread_mutex_lock(&future->mutex);
	bool listed = follower->listed;
	if (listed) follower_unlink(future, follower);
	pthread_mutex_unlock(&future->mutex);
	return listed;
}

enum future_state concurrent_future_outcome(aw_concurrent_future *future, void **out_value,
                                            bool *out_is_integer, aw_error **out_error) {
	pthread_mutex_lock(&future->mutex);
	tsan_acquire(future);
	enum future_state state = (enum future_state)future->state;
	*out_value = future->value;
	*out_is_integer = future->is_integer;
	*out_error = future->error;
	pthread_mutex_unlock(&future->mutex);
	return state;
}
