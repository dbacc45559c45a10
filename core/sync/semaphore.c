/* SPDX-License-Identifier: MIT */
/*
 * Semaphore. The wake-up transfers the permit: a woken waiter already owns it, and returns it if cancelled
 * before it runs.
 */
#include "coro.h"
#include "failure.h"
#include "task.h"
#include "wait_queue.h"

#include <await/stackless.h>
#include <await/sync.h>
#include <errno.h>
#include <stdlib.h>

struct aw_semaphore {
	object base;
	aw_loop *loop;
	wait_queue waiters;
	int64_t value;
	int64_t bound; /* INT64_MAX if unbounded */
};

static void semaphore_release(object *base) {
	object_free(base);
}

static const object_class semaphore_class = {
	.name = "semaphore", .size = sizeof(aw_semaphore), .release = semaphore_release};

static bool semaphore_locked(const aw_semaphore *self) {
	return self->value == 0 || !wait_queue_all_cancelled(&self->waiters);
}

/* Gives the available permits to waiters. */
static void semaphore_serve(aw_semaphore *self) {
	while (self->value > 0 && wait_queue_wake_next(&self->waiters)) self->value--;
}

static void describe_wait(const aw_future *wakeup, future_description *out) {
	wait_describe(wakeup, "%p", out);
}

static const future_kind semaphore_wait_kind = {.what = "semaphore", .describe = describe_wait};

typedef struct acquire {
	aw_frame frame;
	aw_semaphore *semaphore; /* a reference */
	waiter waiter;
} acquire;

/* Leaves without a permit, and returns one that a wake-up transferred. */
static void semaphore_give_up(aw_semaphore *self, waiter *waiting) {
	if (wait_queue_leave(waiting)) self->value++;
	semaphore_serve(self);
}

static aw_status acquire_step(aw_resume *resume, void *ud) {
	acquire *self = ud;
	aw_semaphore *semaphore = self->semaphore;
	AW_BEGIN(&self->frame);
	if (!semaphore_locked(semaphore)) {
		semaphore->value--;
		return 0;
	}
	if (wait_queue_join(&semaphore->waiters, &self->waiter, &semaphore_wait_kind, semaphore,
	                    semaphore->loop) < 0)
		return -ENOMEM;
	AW_AWAIT(&self->frame, resume, self->waiter.wakeup);
	if (aw_resume_status(resume) < 0) {
		semaphore_give_up(semaphore, &self->waiter);
		return wait_queue_raise(resume);
	}
	wait_queue_leave(&self->waiter);
	semaphore_serve(semaphore);
	AW_END(&self->frame);
	return 0;
}

static void acquire_destroy(void *ud) {
	acquire *self = ud;
	if (self->waiter.wakeup) semaphore_give_up(self->semaphore, &self->waiter);
	object_unref(self->semaphore);
	free(self);
}

static aw_status semaphore_check(const aw_semaphore *semaphore) {
	return object_is(semaphore, &semaphore_class) ? loop_check(semaphore->loop) : AW_EBADHANDLE;
}

static aw_status semaphore_create(aw_loop *loop, int64_t value, int64_t bound, const void *origin,
                                  aw_semaphore **out) {
	aw_status status = loop_resolve(&loop);
	if (status < 0) return status;
	if (!out || value < 0) return -EINVAL;
	aw_semaphore *self = object_new(&loop->domain, &semaphore_class);
	if (!self) return -ENOMEM;
	self->loop = loop;
	self->value = value;
	self->bound = bound;
	*out = object_hand_out(self, origin);
	return 0;
}

ENTRY(aw_semaphore_new, (aw_loop *loop, int64_t value, aw_semaphore **out), (loop, value, out)) {
	return semaphore_create(loop, value, INT64_MAX, CALLER, out);
}

ENTRY(aw_semaphore_new_bounded, (aw_loop *loop, int64_t value, aw_semaphore **out), (loop, value, out)) {
	return semaphore_create(loop, value, value, CALLER, out);
}

REFERENCES(aw_semaphore, object_is(self, &semaphore_class))

ENTRY(aw_semaphore_acquire_coro, (aw_semaphore *semaphore, aw_coro **out), (semaphore, out)) {
	aw_status status = semaphore_check(semaphore);
	if (status < 0) return status;
	if (!out) return -EINVAL;
	acquire *self;
	status = coro_internal(semaphore->loop, acquire_step, sizeof *self, acquire_destroy, &self, out);
	if (status == 0) self->semaphore = object_ref(semaphore);
	return status;
}

static aw_status semaphore_acquire_now(aw_semaphore *semaphore) {
	aw_status status = semaphore_check(semaphore);
	if (status < 0) return status;
	if (semaphore_locked(semaphore)) return -EAGAIN;
	semaphore->value--;
	return 0;
}

aw_status aw_semaphore_acquire(aw_semaphore *semaphore) {
	const aw_resume *resume = stackful_here();
	if (!resume) return AW_ENOTASK;
	aw_status status = semaphore_acquire_now(semaphore);
	if (status != -EAGAIN) return await_ended(resume, status);
	waiter waiting = {0};
	object_ref(semaphore);
	status = wait_queue_wait(&semaphore->waiters, &waiting, &semaphore_wait_kind, semaphore, semaphore->loop);
	if (status < 0) {
		semaphore_give_up(semaphore, &waiting);
	} else {
		wait_queue_leave(&waiting);
		semaphore_serve(semaphore);
	}
	object_unref(semaphore);
	return status;
}

ENTRY(aw_semaphore_try_acquire, (aw_semaphore *semaphore), (semaphore)) {
	return semaphore_acquire_now(semaphore);
}

ENTRY(aw_semaphore_release, (aw_semaphore *semaphore), (semaphore)) {
	aw_status status = semaphore_check(semaphore);
	if (status < 0) return status;
	if (semaphore->value >= semaphore->bound) return -EINVAL;
	semaphore->value++;
	if (wait_queue_wake_next(&semaphore->waiters)) semaphore->value--;
	return 0;
}

aw_bool aw_semaphore_locked(const aw_semaphore *semaphore) {
	return object_is(semaphore, &semaphore_class) && semaphore_locked(semaphore);
}

int64_t aw_semaphore_value(const aw_semaphore *semaphore) {
	return object_is(semaphore, &semaphore_class) ? semaphore->value : 0;
}
