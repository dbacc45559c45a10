/* SPDX-License-Identifier: MIT */
/* FIFO of waiters. */
#include "wait_queue.h"

#include "failure.h"
#include "list.h"
#include "task.h"

#include <errno.h>
#include <stdio.h>

aw_status wait_queue_join(wait_queue *queue, waiter *self, const future_kind *kind, void *owner,
                          aw_loop *loop) {
	self->wakeup = future_create(loop, &future_class, kind, sizeof(aw_future));
	if (!self->wakeup) return -ENOMEM;
	self->wakeup->value.data = owner; /* a pending future has no value */
	self->queue = queue;
	list_append(queue, self);
	return 0;
}

void *wait_owner(const aw_future *wakeup) {
	return wakeup->value.data;
}

void wait_describe(const aw_future *wakeup, const char *format, future_description *out) {
	snprintf(out->text, sizeof out->text, format, wait_owner(wakeup));
}

static void wait_queue_unlink(waiter *self) {
	wait_queue *queue = self->queue;
	if (!queue) return;
	list_remove(queue, self);
	self->queue = NULL;
}

aw_status wait_queue_wait(wait_queue *queue, waiter *self, const future_kind *kind, void *owner,
                          aw_loop *loop) {
	stackful *task = stackful_current();
	if (task->resume.task->future.loop != loop) return failed(AW_EFOREIGNLOOP);
	aw_future wakeup;
	future_borrowed(&wakeup, loop, kind);
	wakeup.value.data = owner;
	self->wakeup = &wakeup;
	self->queue = queue;
	list_append(queue, self);
	aw_status status = task_await_borrowed(task, &wakeup);
	self->wakeup = NULL;
	self->woken = wakeup.state == FUTURE_DONE;
	wait_queue_unlink(self);
	if (!self->woken) future_borrowed_end(&wakeup);
	return status;
}

bool wait_queue_leave(waiter *self) {
	if (!self->wakeup) return self->woken;
	wait_queue_unlink(self);
	bool woken = self->wakeup->state == FUTURE_DONE;
	object_unref(self->wakeup);
	self->wakeup = NULL;
	return woken;
}

void wait_queue_wake_first(wait_queue *self) {
	if (self->first) future_finish(self->first->wakeup, NULL, NULL);
}

bool wait_queue_wake_next(wait_queue *self) {
	for (waiter *at = self->first; at; at = at->next) {
		if (future_is_done(at->wakeup)) continue;
		future_finish(at->wakeup, NULL, NULL);
		return true;
	}
	return false;
}

void wait_queue_wake_all(wait_queue *self) {
	for (waiter *at = self->first; at; at = at->next) future_finish(at->wakeup, NULL, NULL);
}

bool wait_queue_pop_next(wait_queue *self) {
	for (waiter *at; (at = self->first);) {
		wait_queue_unlink(at);
		if (future_is_done(at->wakeup)) continue;
		future_finish(at->wakeup, NULL, NULL);
		return true;
	}
	return false;
}

bool wait_queue_all_cancelled(const wait_queue *self) {
	for (const waiter *at = self->first; at; at = at->next)
		if (at->wakeup->state != FUTURE_CANCELLED) return false;
	return true;
}

aw_status wait_queue_raise(aw_resume *resume) {
	return aw_resume_raise(resume, aw_resume_error(resume));
}
