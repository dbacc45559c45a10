/* SPDX-License-Identifier: MIT */
/* Runs statements and blocks, unwinds errors, and determines what a statement waits for. */
#include "machine.h"

#include <stdlib.h>

machine *machine_new(int task_id, int body) {
	machine *self = calloc(1, sizeof *self);
	if (!self) exit(2);
	self->task_id = task_id;
	self->frames[0] = (frame){.next = here.program->bodies[body]};
	self->depth = 1;
	return self;
}

static void wish_drop(wish *self) {
	for (size_t i = 0; i < self->count; i++) aw_future_unref(self->futures[i]);
	self->count = 0;
}

void machine_free(void *ud) {
	machine *self = ud;
	wish_drop(&self->wish);
	for (int i = 0; i < self->depth; i++) {
		const frame *at = &self->frames[i];
		if (at->owner && at->owner->op == OP_TIMEOUT) aw_timeout_unref(at->object);
		if (at->owner && at->owner->op == OP_GROUP) aw_taskgroup_unref(at->object);
		aw_error_unref(at->pending_error);
	}
	aw_error_unref(self->error);
	free(self);
}

/* Raises. Takes ownership of the reference to `error`. */
static void set_error(machine *self, aw_status status, aw_error *error) {
	aw_error_unref(self->error);
	self->status = status;
	self->error = error;
	if (status < 0) {
		self->returning = false;
		self->value = NULL;
	}
}

/* Ends a statement: traces its outcome, and clears an error that its mode catches. */
static void conclude(machine *self, const node *at, text *said) {
	if (self->status >= 0) {
		trace(self->task_id, at->id,
		      said->length                      ? said->data
		      : self->returning && at->is_block ? "return"
		                                        : "ok");
		return;
	}
	text name = {.length = 0};
	text_add_outcome(&name, self->status, NULL, self->error);
	trace(self->task_id, at->id, name.data);
	if (at->mode == 'c' || (at->mode == 'e' && self->status != AW_ECANCELLED)) set_error(self, 0, NULL);
}

static void push(machine *self, const node *at, void *object) {
	if (self->depth == MAX_FRAMES) exit(2);
	self->frames[self->depth++] = (frame){.owner = at, .next = at->blocks[0], .object = object};
}

/* --- ends of blocks: true if the end waits --- */

static bool leave_finally(machine *self, frame *top) {
	if (!top->cleaning) {
		trace(self->task_id, top->owner->id, "finally");
		top->cleaning = true;
		top->next = top->owner->blocks[1];
		top->pending = self->status;
		top->pending_error = self->error;
		top->pending_return = self->returning;
		top->pending_value = self->value;
		self->status = 0;
		self->error = NULL;
		self->returning = false;
		self->value = NULL;
		return false;
	}
	if (self->status >= 0 && !self->returning) {
		self->status = top->pending;
		self->error = top->pending_error;
		self->returning = top->pending_return;
		self->value = top->pending_value;
	} else
		aw_error_unref(top->pending_error);
	top->pending_error = NULL;
	top->cleaning = false;
	return true;
}

static bool leave(machine *self) {
	frame *top = &self->frames[self->depth - 1];
	const node *owner = top->owner;
	aw_status status;
	if (!owner) {
		self->depth = 0;
		return false;
	}
	switch (owner->op) {
	case OP_FINALLY:
		if (!leave_finally(self, top)) return false;
		break;
	case OP_WITH:
	case OP_CWITH:
		status = aw_lock_release(top->object);
		if (status < 0) set_error(self, status, NULL);
		break;
	case OP_TIMEOUT:
		status = aw_timeout_exit(top->object, self->status);
		if (status != self->status) set_error(self, status, NULL);
		aw_timeout_unref(top->object);
		break;
	case OP_GROUP:
		self->at = owner;
		self->leaving = true;
		self->wish = (wish){.kind = WISH_GROUP_END, .object = top->object, .status = self->status};
		return true;
	default: break;
	}
	self->depth--;
	text said = {.length = 0};
	conclude(self, owner, &said);
	return false;
}

/* --- statements --- */

/* Wishes for the futures in these slots; false if there are none. */
static bool want_futures(machine *self, const int *slots, int count) {
	for (int i = 0; i < count; i++)
		if (here.slots[slots[i]])
			self->wish.futures[self->wish.count++] = aw_future_ref(here.slots[slots[i]]);
	return self->wish.count > 0;
}

/* Sets the wish of a statement that may wait; false if it does not wait. */
static bool want(machine *self, const node *at, text *said) {
	static const struct {
		enum op op;
		enum wish_kind wish;
		enum object_kind kind;
	} plain[] = {
		{OP_ACQUIRE, WISH_LOCK, MADE_LOCK},
		{OP_WITH, WISH_LOCK, MADE_LOCK},
		{OP_EWAIT, WISH_EVENT, MADE_EVENT},
		{OP_SACQUIRE, WISH_SEMAPHORE, MADE_SEMAPHORE},
		{OP_CWAIT, WISH_CONDITION, MADE_CONDITION},
		{OP_PUT, WISH_PUT, MADE_QUEUE},
		{OP_GET, WISH_GET, MADE_QUEUE},
		{OP_QJOIN, WISH_JOIN, MADE_QUEUE},
		{OP_BWAIT, WISH_BARRIER, MADE_BARRIER},
		{OP_BRESET, WISH_BARRIER_RESET, MADE_BARRIER},
		{OP_BABORT, WISH_BARRIER_ABORT, MADE_BARRIER},
	};
	const int *args = at->args;
	wish *to = &self->wish;
	*to = (wish){.ns = -1};
	bool found = true;
	for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
		if (plain[i].op != at->op) continue;
		to->kind = plain[i].wish;
		to->object = object_of(plain[i].kind, args[0]);
		if (at->op == OP_PUT) to->item = encode(args[1] * 1000 + ++here.items);
		return true;
	}
	switch (at->op) {
	case OP_CWITH:
		to->kind = WISH_LOCK;
		to->object = aw_condition_lock(object_of(MADE_CONDITION, args[0]));
		return true;
	case OP_SLEEP:
		to->kind = WISH_SLEEP;
		to->ns = delay(args[0]);
		return true;
	case OP_YIELD: to->kind = WISH_YIELD; return true;
	case OP_CALL:
		to->kind = WISH_CALL;
		to->body = args[0];
		return true;
	case OP_AWAIT:
		to->kind = WISH_FUTURE;
		found = want_futures(self, args, 1);
		break;
	case OP_WAITFOR:
		to->kind = WISH_WAIT_FOR;
		found = want_futures(self, args, 1);
		if (found) to->ns = args[1] < 0 ? AW_FOREVER : args[1] ? delay(args[1]) : 0;
		break;
	case OP_WAIT:
		to->kind = WISH_WAIT;
		to->when = args[0];
		found = want_futures(self, args + 2, at->count - 2);
		if (found) to->ns = args[1] < 0 ? AW_FOREVER : delay(args[1]);
		break;
	default: return false;
	}
	if (!found) text_add(said, "skip");
	return found;
}

/* Enters a block that does not wait. */
static void enter(machine *self, const node *at) {
	text said = {.length = 0};
	aw_error *error = NULL;
	void *object = NULL;
	aw_status status = 0;
	if (at->op == OP_TIMEOUT || at->op == OP_GROUP)
		status = simple(self->task_id, at, at->op, at->args, at->count, &said, &error);
	if (status >= 0 && at->op == OP_TIMEOUT) {
		object = aw_timeout_ref(here.timeouts[at->args[0]]);
		status = aw_timeout_enter(object);
	} else if (status >= 0 && at->op == OP_GROUP) {
		object = aw_taskgroup_ref(here.groups[at->args[0]]);
		status = aw_taskgroup_enter(object);
	}
	if (status >= 0) {
		push(self, at, object);
		return;
	}
	set_error(self, status, error);
	conclude(self, at, &said);
}

/* True if the statement waits. */
static bool begin(machine *self, const node *at) {
	text said = {.length = 0};
	aw_error *error = NULL;
	if (want(self, at, &said)) {
		self->at = at;
		return true;
	}
	if (at->is_block) {
		enter(self, at);
		return false;
	}
	if (at->op == OP_RETURN) {
		self->returning = true;
		self->value = encode(at->args[0]);
	} else if (!said.length) {
		aw_status status = simple(self->task_id, at, at->op, at->args, at->count, &said, &error);
		if (status < 0) set_error(self, status, error);
	}
	conclude(self, at, &said);
	return false;
}

bool machine_advance(machine *self) {
	while (self->depth) {
		frame *top = &self->frames[self->depth - 1];
		if (self->status < 0 || self->returning || !top->next) {
			if (leave(self)) return true;
			continue;
		}
		const node *at = top->next;
		top->next = at->next;
		if (begin(self, at)) return true;
	}
	return false;
}

static void say(const wish *of, void *value, text *said) {
	switch (of->kind) {
	case WISH_FUTURE:
	case WISH_WAIT_FOR:
	case WISH_GET:
	case WISH_CALL: text_add_outcome(said, 0, value, NULL); break;
	case WISH_BARRIER: text_add(said, "=%d", (int)(intptr_t)value); break;
	case WISH_WAIT:
		for (size_t i = 0; i < of->count; i++) text_add(said, "%c", of->done[i] ? '+' : '-');
		break;
	default: break;
	}
}

void machine_answer(machine *self, aw_status status, void *value, aw_error *error) {
	text said = {.length = 0};
	const node *at = self->at;
	self->at = NULL;
	if (self->leaving) {
		/* A return in the block takes effect unless the end of the block failed. */
		aw_taskgroup_unref(self->frames[--self->depth].object);
		self->leaving = false;
		set_error(self, status < 0 ? status : 0, aw_error_ref(error));
	} else if (status < 0) {
		set_error(self, status, aw_error_ref(error));
	} else if (at->op == OP_WITH || at->op == OP_CWITH) {
		trace(self->task_id, at->id, "entered");
		push(self, at, self->wish.object);
		return;
	} else {
		say(&self->wish, value, &said);
	}
	wish_drop(&self->wish);
	conclude(self, at, &said);
}
