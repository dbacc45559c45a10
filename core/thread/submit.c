/* SPDX-License-Identifier: MIT */
/*
 * run_coroutine_threadsafe: a task made by another thread, and its outcome for that thread. The request, and
 * a cancellation, travel through the loop's posted list inside the object itself.
 *
 * Until it is settled the loop can't be gone: closing settles everything, under the mutex. So whoever holds
 * the mutex and sees it pending may post. The task is kept for its value; letting go of it on a foreign
 * thread delivers the destroys on the loop's.
 */
#include "cfuture.h"

#include "context.h"
#include "executor.h"
#include "failure.h"
#include "handle.h"
#include "park.h"
#include "task.h"
#include "tsan.h"

#include <errno.h>

struct aw_cfuture {
	object base;
	uint32_t fork_generation;
	pthread_mutex_t mutex; /* guards the outcome */
	park waiting;          /* threads */
	uint8_t state;         /* enum future_state */
	bool is_integer;       /* the value is one of ours */
	cfuture_follower *followers;
	void *value;     /* the task's */
	aw_error *error; /* a reference */
	/* Set before it is posted, then the loop thread's alone. */
	aw_loop *loop;
	ready_item arrival, cancellation;
	future_waiter waiter; /* on the task */
	closer closer;
	aw_task *task; /* a reference, once it was spawned */
	aw_task_fn fn;
	aw_step_fn step; /* or this */
	void *ud;
	aw_destroy_fn destroy;
	binding *context; /* a reference */
	const void *origin;
};

static void cfuture_release(object *base) {
	aw_cfuture *self = (aw_cfuture *)base;
	if (self->task) object_unref(self->task);
	aw_error_unref(self->error);
	pthread_mutex_destroy(&self->mutex);
	object_free(base);
}

static const object_class cfuture_class = {
	.name = "concurrent future", .size = sizeof(aw_cfuture), .release = cfuture_release};

bool cfuture_is(const aw_cfuture *cfuture) {
	return object_is(cfuture, &cfuture_class);
}

/* --- the outcome --- */

static bool is_done(const aw_cfuture *self) {
	return self->state != FUTURE_PENDING;
}

static void follower_link(aw_cfuture *self, cfuture_follower *who) {
	who->previous = NULL;
	who->next = self->followers;
	if (who->next) who->next->previous = who;
	self->followers = who;
	who->listed = true;
}

static void follower_unlink(aw_cfuture *self, cfuture_follower *who) {
	if (who->next) who->next->previous = who->previous;
	if (who->previous)
		who->previous->next = who->next;
	else
		self->followers = who->next;
	who->listed = false;
}

/* The mutex is held. A follower whose loop begins to close stays listed: its closer takes it out. */
static void tell_followers(aw_cfuture *self) {
	for (cfuture_follower *at = self->followers, *next; at; at = next) {
		next = at->next;
		/* Unlinked first: its loop may be through with it as soon as it is posted. */
		follower_unlink(self, at);
		if (handle_post(at->loop, &at->arrival)) continue;
		follower_link(self, at);
	}
}

/* The mutex is held. The first outcome stands. */
static void settle(aw_cfuture *self, enum future_state state, void *value, aw_error *error) {
	if (is_done(self)) return;
	self->state = (uint8_t)state;
	self->value = value;
	self->error = aw_error_ref(error);
	tsan_release(self);
	park_wake(&self->waiting);
	tell_followers(self);
}

static void settle_failed(aw_cfuture *self, aw_status status) {
	pthread_mutex_lock(&self->mutex);
	settle(self, FUTURE_FAILED, NULL, error_of(status));
	pthread_mutex_unlock(&self->mutex);
}

static void settle_from(aw_cfuture *self, aw_future *future) {
	void *value = NULL;
	aw_error *error = NULL;
	(void)future_outcome(future, &value, &error);
	pthread_mutex_lock(&self->mutex);
	self->is_integer = future->state == FUTURE_DONE && value_kind(future->value.destroy) == AW_VALUE_INTEGER;
	settle(self, (enum future_state)future->state, value, error);
	pthread_mutex_unlock(&self->mutex);
}

/* The mutex is held. */
static aw_status outcome(const aw_cfuture *self, void **out) {
	if (!is_done(self)) return AW_EINVALIDSTATE;
	tsan_acquire((void *)(uintptr_t)self);
	if (self->state == FUTURE_DONE) {
		if (out) *out = self->value;
		return 0;
	}
	return self->state == FUTURE_CANCELLED ? AW_ECANCELLED : self->error->status;
}

/* --- in the loop --- */

/* The task is done, or, without a future, the loop closes before. */
static aw_status task_done(ready_item *item) {
	aw_cfuture *self = container_of(item, aw_cfuture, waiter.item);
	if (self->waiter.future)
		settle_from(self, self->waiter.future);
	else
		settle_failed(self, AW_ELOOPCLOSED);
	loop_remove_closer(self->loop, &self->closer);
	future_waiter_end(&self->waiter);
	object_unref(self);
	return 0;
}

static void cfuture_close(closer *base) {
	aw_cfuture *self = container_of(base, aw_cfuture, closer);
	if (!self->waiter.future && future_unwait(&self->task->future, &self->waiter))
		self->waiter.item.run(&self->waiter.item);
}

/* Takes over the callback, also when it fails. */
static aw_status spawn(aw_cfuture *self) {
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
 * Spawns the task in the context of who asked for it. The loop's reference passes on to the wait, or ends
 * here.
 */
static void begin(aw_cfuture *self) {
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
	aw_cfuture *self = container_of(item, aw_cfuture, arrival);
	if (loop_closing(self->loop)) settle_failed(self, AW_ELOOPCLOSED);
	if (!aw_cfuture_done(self)) {
		begin(self);
		return 0;
	}
	/* Cancelled on the way, or too late: it never runs. */
	object_destroy_user(self->destroy, self->ud);
	context_drop(self->context);
	object_unref(self);
	return 0;
}

static aw_status cancel_arrived(ready_item *item) {
	aw_cfuture *self = container_of(item, aw_cfuture, cancellation);
	if (self->task && !loop_closing(self->loop)) task_cancel(self->task, error_of(AW_ECANCELLED));
	object_unref(self);
	return 0;
}

/* --- submitting --- */

static void cfuture_init(aw_cfuture *self, aw_loop *loop) {
	self->fork_generation = loop->fork_generation;
	pthread_mutex_init(&self->mutex, NULL);
	self->loop = loop;
	self->arrival.run = arrived;
	self->cancellation.run = cancel_arrived;
	self->waiter.item.run = task_done;
	self->closer.close = cfuture_close;
}

static aw_status submit(aw_loop *loop, aw_task_fn fn, aw_step_fn step, void *ud, aw_destroy_fn destroy,
                        const void *origin, aw_cfuture **out) {
	aw_status status = loop_is(loop) ? 0 : AW_EBADHANDLE;
	if (status == 0 && loop->fork_generation != *threads_fork_word) status = AW_EFORKED;
	if (status == 0 && ((!fn && !step) || !out)) status = -EINVAL;
	aw_cfuture *self = status < 0 ? NULL : object_new(&domain_none, &cfuture_class);
	if (!self) {
		object_destroy_user(destroy, ud);
		return status < 0 ? status : -ENOMEM;
	}
	cfuture_init(self, loop);
	self->fn = fn;
	self->step = step;
	self->ud = ud;
	self->destroy = destroy;
	self->context = context_capture();
	self->origin = origin;
	object_hand_out(object_ref(self), origin); /* the other is the loop's */
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

ENTRY(aw_submit_threadsafe, (aw_loop *loop, aw_task_fn fn, void *ud, aw_destroy_fn destroy, aw_cfuture **out),
      (loop, fn, ud, destroy, out)) {
	return submit(loop, fn, NULL, ud, destroy, CALLER, out);
}

ENTRY(aw_submit_step_threadsafe, (aw_loop *loop, aw_step_fn fn, void *ud, aw_destroy_fn destroy, aw_cfuture **out),
      (loop, fn, ud, destroy, out)) {
	return submit(loop, NULL, fn, ud, destroy, CALLER, out);
}

/* --- for other threads --- */

REFERENCES(aw_cfuture, object_is(self, &cfuture_class))

/* 0 with the mutex held, or why not. */
static aw_status cfuture_lock(aw_cfuture *self) {
	if (!object_is(self, &cfuture_class)) return AW_EBADHANDLE;
	if (self->fork_generation != *threads_fork_word) return AW_EFORKED;
	pthread_mutex_lock(&self->mutex);
	return 0;
}

/* The mutex is held. 0 once it is done, whatever ended the wait. */
static aw_status wait_until_done(aw_cfuture *self, const park_limit *limit) {
	aw_status status = 0;
	/* Whoever runs the loop would wait for itself. */
	if (!is_done(self) && thread_here()->loop == self->loop) return -EDEADLK;
	while (!is_done(self) && status == 0) status = park_wait(&self->waiting, &self->mutex, limit);
	return is_done(self) ? 0 : status;
}

ENTRY(aw_cfuture_wait, (aw_cfuture *cfuture, int64_t timeout_ns, void **out), (cfuture, timeout_ns, out)) {
	park_limit limit = park_limit_after(timeout_ns);
	aw_status status = cfuture_lock(cfuture);
	if (status < 0) return status;
	object_ref(cfuture); /* the task may drop the last reference */
	status = wait_until_done(cfuture, &limit);
	if (status == 0) status = outcome(cfuture, out);
	pthread_mutex_unlock(&cfuture->mutex);
	object_unref(cfuture);
	return status;
}

ENTRY(aw_cfuture_wait_interruptible, (aw_cfuture *cfuture, int64_t timeout_ns, aw_interrupt *interrupt), (cfuture, timeout_ns, interrupt)) {
	park_limit limit = park_limit_after(timeout_ns);
	aw_status status = interrupt_check(interrupt);
	if (status == 0) status = cfuture_lock(cfuture);
	if (status < 0) return status;
	limit.signals = true;
	limit.interrupt = aw_interrupt_ref(interrupt);
	object_ref(cfuture);
	status = wait_until_done(cfuture, &limit);
	pthread_mutex_unlock(&cfuture->mutex);
	object_unref(cfuture);
	aw_interrupt_unref(interrupt);
	return status;
}

ENTRY(aw_cfuture_result, (aw_cfuture *cfuture, void **out), (cfuture, out)) {
	aw_status status = cfuture_lock(cfuture);
	if (status < 0) return status;
	status = outcome(cfuture, out);
	pthread_mutex_unlock(&cfuture->mutex);
	return status;
}

aw_error *aw_cfuture_error(aw_cfuture *cfuture) {
	if (cfuture_lock(cfuture) < 0) return NULL;
	aw_error *error = cfuture->error;
	pthread_mutex_unlock(&cfuture->mutex);
	return error;
}

ENTRY(aw_cfuture_cancel, (aw_cfuture *cfuture), (cfuture)) {
	aw_status status = cfuture_lock(cfuture);
	if (status < 0) return status;
	object_ref(cfuture);
	bool accepted = !is_done(cfuture);
	if (accepted) {
		settle(cfuture, FUTURE_CANCELLED, NULL, error_of(AW_ECANCELLED));
		object_ref(cfuture);
		/* The loop may have begun to close; then it ends the task by itself. */
		if (!handle_post(cfuture->loop, &cfuture->cancellation)) object_unref(cfuture);
	}
	pthread_mutex_unlock(&cfuture->mutex);
	object_unref(cfuture);
	return accepted;
}

static bool has_state(aw_cfuture *self, bool any, enum future_state state) {
	if (cfuture_lock(self) < 0) return false;
	bool found = any ? is_done(self) : self->state == state;
	pthread_mutex_unlock(&self->mutex);
	return found;
}

aw_bool aw_cfuture_done(aw_cfuture *cfuture) {
	return has_state(cfuture, true, FUTURE_PENDING);
}

aw_bool aw_cfuture_cancelled(aw_cfuture *cfuture) {
	return has_state(cfuture, false, FUTURE_CANCELLED);
}

/* --- for other loops --- */

aw_status cfuture_follow(aw_cfuture *cfuture, cfuture_follower *who) {
	aw_status status = cfuture_lock(cfuture);
	if (status < 0) return status;
	if (!is_done(cfuture))
		follower_link(cfuture, who);
	else
		loop_push(who->loop, &who->arrival);
	pthread_mutex_unlock(&cfuture->mutex);
	return 0;
}

bool cfuture_unfollow(aw_cfuture *cfuture, cfuture_follower *who) {
	pthread_mutex_lock(&cfuture->mutex);
	bool listed = who->listed;
	if (listed) follower_unlink(cfuture, who);
	pthread_mutex_unlock(&cfuture->mutex);
	return listed;
}

enum future_state cfuture_outcome(aw_cfuture *cfuture, void **out_value, bool *out_is_integer,
                                  aw_error **out_error) {
	pthread_mutex_lock(&cfuture->mutex);
	tsan_acquire(cfuture);
	enum future_state state = (enum future_state)cfuture->state;
	*out_value = cfuture->value;
	*out_is_integer = cfuture->is_integer;
	*out_error = cfuture->error;
	pthread_mutex_unlock(&cfuture->mutex);
	return state;
}
