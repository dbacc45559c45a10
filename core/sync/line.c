/* SPDX-License-Identifier: MIT */
/* Those who wait in turn. */
#include "line.h"

#include "failure.h"
#include "list.h"
#include "task.h"

#include <errno.h>
#include <stdio.h>

aw_status line_join(line *self, place *who, const future_kind *kind, void *owner, aw_loop *loop) {
	who->turn = future_create(loop, &future_class, kind, sizeof(aw_future));
	if (!who->turn) return -ENOMEM;
	who->turn->value.data = owner; /* until it is done it has no value */
	who->line = self;
	list_append(self, who);
	return 0;
}

void *turn_owner(const aw_future *turn) {
	return turn->value.data;
}

void turn_describe(const aw_future *turn, const char *format, future_description *out) {
	snprintf(out->text, sizeof out->text, format, turn_owner(turn));
}

static void line_unlink(place *who) {
	line *self = who->line;
	if (!self) return;
	list_remove(self, who);
	who->line = NULL;
}

bool line_leave(place *who) {
	if (!who->turn) return false;
	line_unlink(who);
	bool woken = who->turn->state == FUTURE_DONE;
	object_unref(who->turn);
	who->turn = NULL;
	return woken;
}

void line_wake_head(line *self) {
	if (self->first) future_finish(self->first->turn, NULL, NULL);
}

bool line_wake_next(line *self) {
	for (place *at = self->first; at; at = at->next) {
		if (future_is_done(at->turn)) continue;
		future_finish(at->turn, NULL, NULL);
		return true;
	}
	return false;
}

bool line_pop_next(line *self) {
	for (place *at; (at = self->first);) {
		line_unlink(at);
		if (future_is_done(at->turn)) continue;
		future_finish(at->turn, NULL, NULL);
		return true;
	}
	return false;
}

bool line_is_deserted(const line *self) {
	for (const place *at = self->first; at; at = at->next)
		if (at->turn->state != FUTURE_CANCELLED) return false;
	return true;
}

aw_status line_raise(aw_resume *resume) {
	return aw_resume_raise(resume, aw_resume_error(resume));
}
