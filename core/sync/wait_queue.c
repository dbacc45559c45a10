/* SPDX-License-Identifier: MIT */
/* Those who wait in turn. */
#include "wait_queue.h"

#include "failure.h"
#include "list.h"
#include "task.h"

#include <errno.h>
#include <stdio.h>

aw_status wait_queue_join(wait_queue *self, waiter *who, const future_kind *kind, void *owner,
                          aw_loop *loop) {
	who->turn = future_create(loop, &future_class, kind, sizeof(aw_future));
	if (!who->turn) return -ENOMEM;
	who->turn->value.data = owner; /* until it is done it has no value */
	who->queue = self;
	list_append(self, who);
	return 0;
}

void *turn_owner(const aw_future *turn) {
	return turn->value.data;
}

void turn_describe(const aw_future *turn, const char *format, future_description *out) {
	snprintf(out->text, sizeof out->text, format, turn_owner(turn));
}

static void wait_queue_unlink(waiter *who) {
	wait_queue *self = who->queue;
	if (!self) return;
	list_remove(self, who);
	who->queue = NULL;
}

bool wait_queue_leave(waiter *who) {
	if (!who->turn) return false;
	wait_queue_unlink(who);
	bool woken = who->turn->state == FUTURE_DONE;
	object_unref(who->turn);
	who->turn = NULL;
	return woken;
}

void wait_queue_wake_first(wait_queue *self) {
	if (self->first) future_finish(self->first->turn, NULL, NULL);
}

bool wait_queue_wake_next(wait_queue *self) {
	for (waiter *at = self->first; at; at = at->next) {
		if (future_is_done(at->turn)) continue;
		future_finish(at->turn, NULL, NULL);
		return true;
	}
	return false;
}

bool wait_queue_pop_next(wait_queue *self) {
	for (waiter *at; (at = self->first);) {
		wait_queue_unlink(at);
		if (future_is_done(at->turn)) continue;
		future_finish(at->turn, NULL, NULL);
		return true;
	}
	return false;
}

bool wait_queue_is_deserted(const wait_queue *self) {
	for (const waiter *at = self->first; at; at = at->next)
		if (at->turn->state != FUTURE_CANCELLED) return false;
	return true;
}

aw_status wait_queue_raise(aw_resume *resume) {
	return aw_resume_raise(resume, aw_resume_error(resume));
}
