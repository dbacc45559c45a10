/* SPDX-License-Identifier: MIT */
/*
 * Lock. A release wakes the first waiter without handing the lock over: it stays unlocked until the woken
 * task runs, but newcomers still queue behind that task. A waiter that leaves without the lock wakes the
 * next.
 */
#include "lock.h"

#include "failure.h"
#include "task.h"

#include <await/stackless.h>
#include <errno.h>
#include <stdlib.h>

static void lock_release(object *base) {
	object_free(base);
}

const object_class lock_class = {.name = "lock", .size = sizeof(aw_lock), .release = lock_release};

aw_status lock_create(aw_loop *loop, aw_lock **out) {
	aw_lock *self = object_new(&loop->domain, &lock_class);
	if (!self) return -ENOMEM;
	self->loop = loop;
	*out = self;
	return 0;
}

static void lock_take(aw_lock *self) {
	const aw_task *task = self->loop->current;
	self->locked = true;
	self->holder = task ? task->number : 0;
}

static bool lock_try(aw_lock *self) {
	if (self->locked || !wait_queue_all_cancelled(&self->waiters)) return false;
	lock_take(self);
	return true;
}

static void describe_wait(const aw_future *wakeup, future_description *out) {
	const aw_lock *lock = wait_owner(wakeup);
	wait_describe(wakeup, "%p", out);
	out->is_held = lock->locked;
	out->holder = lock->holder;
}

static const future_kind lock_wait_kind = {.what = "lock", .describe = describe_wait};

static void lock_give_up(aw_lock *self, waiter *waiting) {
	wait_queue_leave(waiting);
	if (!self->locked) wait_queue_wake_first(&self->waiters);
}

typedef struct acquire {
	aw_frame frame;
	aw_lock *lock; /* a reference */
	waiter waiter;
} acquire;

static aw_status acquire_step(aw_resume *resume, void *ud) {
	acquire *self = ud;
	aw_lock *lock = self->lock;
	AW_BEGIN(&self->frame);
	if (lock_try(lock)) return 0;
	if (wait_queue_join(&lock->waiters, &self->waiter, &lock_wait_kind, lock, lock->loop) < 0) return -ENOMEM;
	AW_AWAIT(&self->frame, resume, self->waiter.wakeup);
	if (aw_resume_status(resume) < 0) {
		lock_give_up(lock, &self->waiter);
		return wait_queue_raise(resume);
	}
	wait_queue_leave(&self->waiter);
	lock_take(lock);
	AW_END(&self->frame);
	return 0;
}

static void acquire_destroy(void *ud) {
	acquire *self = ud;
	if (self->waiter.wakeup) lock_give_up(self->lock, &self->waiter);
	object_unref(self->lock);
	free(self);
}

static aw_status lock_check(const aw_lock *lock) {
	return object_is(lock, &lock_class) ? loop_check(lock->loop) : AW_EBADHANDLE;
}

ENTRY(aw_lock_new, (aw_loop *loop, aw_lock **out), (loop, out)) {
	aw_status status = loop_resolve(&loop);
	if (status < 0) return status;
	if (!out) return -EINVAL;
	status = lock_create(loop, out);
	if (status == 0) object_hand_out(*out, CALLER);
	return status;
}

REFERENCES(aw_lock, object_is(self, &lock_class))

ENTRY(aw_lock_acquire_coro, (aw_lock *lock, aw_coro **out), (lock, out)) {
	aw_status status = lock_check(lock);
	if (status < 0) return status;
	if (!out) return -EINVAL;
	acquire *self;
	status = coro_internal(lock->loop, acquire_step, sizeof *self, acquire_destroy, &self, out);
	if (status == 0) self->lock = object_ref(lock);
	return status;
}

static aw_status lock_acquire_now(aw_lock *lock) {
	aw_status status = lock_check(lock);
	if (status < 0) return status;
	return lock_try(lock) ? 0 : -EAGAIN;
}

aw_status aw_lock_acquire(aw_lock *lock) {
	const aw_resume *resume = stackful_here();
	if (!resume) return AW_ENOTASK;
	aw_status status = lock_acquire_now(lock);
	if (status != -EAGAIN) return await_ended(resume, status);
	waiter waiting = {0};
	object_ref(lock);
	status = wait_queue_wait(&lock->waiters, &waiting, &lock_wait_kind, lock, lock->loop);
	if (status < 0) {
		lock_give_up(lock, &waiting);
	} else {
		wait_queue_leave(&waiting);
		lock_take(lock);
	}
	object_unref(lock);
	return status;
}

ENTRY(aw_lock_try_acquire, (aw_lock *lock), (lock)) {
	return lock_acquire_now(lock);
}

ENTRY(aw_lock_release, (aw_lock *lock), (lock)) {
	aw_status status = lock_check(lock);
	if (status < 0) return status;
	if (!lock->locked) return -EPERM;
	lock->locked = false;
	wait_queue_wake_first(&lock->waiters);
	return 0;
}

aw_bool aw_lock_locked(const aw_lock *lock) {
	return object_is(lock, &lock_class) && lock->locked;
}
