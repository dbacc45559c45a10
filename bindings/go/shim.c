/* SPDX-License-Identifier: MIT */
#include "shim.h"

#include "_cgo_export.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* A note for the next turn. It is embedded in the object that it concerns, so that leaving one can't fail. */
typedef struct note {
	struct note *next;
	awgo_loop *owner;
	uint64_t id;
	aw_error *error;
	char *text;
	int64_t times;
	uint32_t kind;
	bool queued, once;
} note;

typedef struct slot {
	aw_future *future;
	bool take;
} slot;

struct awgo_loop {
	aw_loop *loop;
	note *first, **last;
	slot *slots; /* by the token's low half */
	size_t slot_count;
	int dispatches; /* in one turn, at most */
	awgo_event events[AWGO_EVENTS];
};

awgo_loop *awgo_loop_new(aw_loop *loop, int dispatches) {
	awgo_loop *self = calloc(1, sizeof *self);
	if (!self) return NULL;
	self->loop = loop;
	self->last = &self->first;
	self->dispatches = dispatches;
	return self;
}

awgo_event *awgo_events(awgo_loop *self) {
	return self->events;
}

static void leave(note *self) {
	self->times++;
	if (self->queued) return;
	self->queued = true;
	self->next = NULL;
	*self->owner->last = self;
	self->owner->last = &self->next;
}

static bool take_note(awgo_loop *self, awgo_event *out) {
	note *first = self->first;
	if (!first) return false;
	self->first = first->next;
	if (!self->first) self->last = &self->first;
	*out = (awgo_event){.token = first->id,
	                    .value = first->times,
	                    .error = first->error,
	                    .text = first->text,
	                    .kind = first->kind};
	out->status = first->once;
	first->queued = false;
	first->times = 0;
	if (first->once) free(first);
	return true;
}

void awgo_loop_free(awgo_loop *self) {
	for (awgo_event unwanted; take_note(self, &unwanted);) {
		aw_error_unref(unwanted.error);
		free(unwanted.text);
	}
	/* What was awaited when the loop closed. */
	for (size_t i = 0; i < self->slot_count; i++) aw_future_unref(self->slots[i].future);
	free(self->slots);
	free(self);
}

/* --- requests --- */

static bool slots_reach(awgo_loop *self, size_t index) {
	if (index < self->slot_count) return true;
	size_t count = self->slot_count ? self->slot_count * 2 : 64;
	while (count <= index) count *= 2;
	slot *slots = realloc(self->slots, count * sizeof *slots);
	if (!slots) return false;
	memset(slots + self->slot_count, 0, (count - self->slot_count) * sizeof *slots);
	self->slots = slots;
	self->slot_count = count;
	return true;
}

/* Takes the reference, also if it fails. */
static int32_t await_future(awgo_loop *self, const awgo_request *request, aw_future *future, bool take) {
	size_t index = (uint32_t)request->token;
	int32_t status = slots_reach(self, index) ? 0 : -ENOMEM;
	aw_submission one = {.size = sizeof one, .kind = AW_OP_FUTURE, .token = request->token, .buffer = future};
	if (status == 0) status = aw_loop_submit(self->loop, &one, 1);
	if (status < 0) {
		aw_future_unref(future);
		return status;
	}
	self->slots[index] = (slot){future, take};
	return 0;
}

static int32_t start_coro(awgo_loop *self, const awgo_request *request) {
	aw_task *task = NULL;
	aw_coro *coro = (aw_coro *)request->object;
	int32_t status = aw_task_spawn_coro(self->loop, coro, &task);
	aw_coro_unref(coro);
	return status < 0 ? status : await_future(self, request, aw_task_future(task), true);
}

static int32_t start_operation(awgo_loop *self, const awgo_request *request) {
	aw_submission one = {.size = sizeof one,
	                     .kind = request->kind,
	                     .token = request->token,
	                     .fd = request->fd,
	                     .flags = request->flags,
	                     .buffer = (void *)request->object,
	                     .length = request->length,
	                     .offset = request->offset};
	return aw_loop_submit(self->loop, &one, 1);
}

int32_t awgo_start(awgo_loop *self, const awgo_request *request) {
	int32_t status;
	switch (request->kind) {
	case AWGO_CORO: status = start_coro(self, request); break;
	case AWGO_TAKE: status = await_future(self, request, (aw_future *)request->object, true); break;
	case AWGO_LOOK: status = await_future(self, request, (aw_future *)request->object, false); break;
	default: status = start_operation(self, request);
	}
	if (status < 0) return status;
	if (!request->turn) return 0;
	status = awgo_turn(self, 0);
	return status < 0 ? 0 : status; /* if the loop can't turn, its driver gets the error */
}

int32_t awgo_cancel(awgo_loop *self, uint64_t token) {
	size_t index = (uint32_t)token;
	slot *at = index < self->slot_count ? &self->slots[index] : NULL;
	if (at && at->future && at->take) return aw_future_cancel(at->future, NULL);
	return aw_loop_cancel_token(self->loop, token);
}

static void ended(awgo_loop *self, const aw_completion *from, awgo_event *out) {
	*out =
		(awgo_event){.token = from->token, .value = from->value, .status = from->status, .kind = AWGO_ENDED};
	size_t index = (uint32_t)from->token;
	if (index >= self->slot_count || !self->slots[index].future) return;
	slot at = self->slots[index];
	self->slots[index].future = NULL;
	if (at.take && from->status >= 0) {
		/* The getter owns the item; its destroy is known. */
		void *value = NULL;
		aw_destroy_fn destroy = NULL;
		if (aw_future_take_result(at.future, &value, &destroy) >= 0) out->value = (int64_t)(intptr_t)value;
	} else if (from->status < 0) {
		aw_error *error = NULL;
		(void)aw_future_error(at.future, &error);
		out->error = aw_error_ref(error);
	}
	aw_future_unref(at.future);
}

/* One dispatch. */
static int32_t turn_once(awgo_loop *self, int32_t count, int64_t timeout) {
	aw_completion done[AWGO_EVENTS];
	/*
	 * Half the room, so that what a dispatch brings finds its place: callbacks first, as they were asked for
	 * before those who wait.
	 */
	int32_t room = (AWGO_EVENTS - count + 1) / 2;
	int32_t status = aw_loop_drain(self->loop, done, (size_t)room, count ? 0 : timeout);
	int32_t ended_count = status > 0 ? status : 0;
	while (count < AWGO_EVENTS - ended_count && take_note(self, &self->events[count])) count++;
	for (int32_t i = 0; i < ended_count; i++) ended(self, &done[i], &self->events[count++]);
	return count ? count : status;
}

int32_t awgo_turn(awgo_loop *self, int64_t timeout) {
	int32_t count = 0;
	while (count < AWGO_EVENTS && take_note(self, &self->events[count])) count++;
	if (count >= AWGO_FULL) return count;
	int32_t status = turn_once(self, count, timeout);
	/* A coroutine needs several dispatches from a put to its get: run them here, not through the poller. */
	for (int more = self->dispatches;
	     more > 1 && status >= 0 && status < AWGO_FULL && aw_loop_pending(self->loop); more--)
		status = turn_once(self, status, 0);
	return status;
}

/* --- callbacks --- */

typedef struct call {
	note due;
} call;

static call *call_new(awgo_loop *self, uint64_t id) {
	call *made = calloc(1, sizeof *made);
	if (!made) return NULL;
	made->due = (note){.owner = self, .id = id, .kind = AWGO_CALL};
	return made;
}

static aw_status call_due(aw_loop *loop, void *ud) {
	(void)loop;
	leave(&((call *)ud)->due);
	return 0;
}

/* A call that hasn't been reported yet is reported as the last one. */
static void call_freed(void *ud) {
	note *last = &((call *)ud)->due;
	last->once = true;
	if (last->queued) return;
	last->kind = AWGO_FREED;
	leave(last);
}

int32_t awgo_call_soon(awgo_loop *self, uint64_t id, aw_handle **out) {
	call *made = call_new(self, id);
	return made ? aw_loop_call_soon(self->loop, call_due, made, call_freed, out) : -ENOMEM;
}

int32_t awgo_call_at(awgo_loop *self, int64_t when, uint64_t id, aw_handle **out) {
	call *made = call_new(self, id);
	return made ? aw_loop_call_at(self->loop, when, call_due, made, call_freed, out) : -ENOMEM;
}

int32_t awgo_call_later(awgo_loop *self, int64_t delay, uint64_t id, aw_handle **out) {
	call *made = call_new(self, id);
	return made ? aw_loop_call_later(self->loop, delay, call_due, made, call_freed, out) : -ENOMEM;
}

int32_t awgo_on_signal(awgo_loop *self, int number, uint64_t id) {
	call *made = call_new(self, id);
	return made ? aw_loop_add_signal_handler(self->loop, number, call_due, made, call_freed) : -ENOMEM;
}

static aw_status report_due(aw_loop *loop, const aw_report *report, void *ud) {
	(void)loop;
	call *self = ud;
	note *one = malloc(sizeof *one);
	if (!one) return -ENOMEM;
	*one = (note){.owner = self->due.owner, .id = self->due.id, .kind = AWGO_REPORT, .once = true};
	one->error = aw_error_ref(aw_report_error(report));
	const char *message = aw_report_message(report), *origin = aw_report_origin(report);
	aw_task *task = aw_report_future(report) ? aw_future_task(aw_report_future(report)) : NULL;
	const char *name = task ? aw_task_name(task) : NULL;
	size_t room = strlen(message) + (origin ? strlen(origin) : 0) + (name ? strlen(name) : 0) + 8;
	one->text = malloc(room);
	if (one->text) {
		strcpy(one->text, message);
		if (name) strcat(strcat(one->text, ": "), name);
		if (origin) strcat(strcat(one->text, " at "), origin);
	}
	leave(one);
	return 0;
}

static void report_freed(void *ud) {
	free(ud);
}

int32_t awgo_on_exception(awgo_loop *self, uint64_t id) {
	if (!id) return aw_loop_set_exception_handler(self->loop, NULL, NULL, NULL);
	call *made = call_new(self, id);
	return made ? aw_loop_set_exception_handler(self->loop, report_due, made, report_freed) : -ENOMEM;
}

/* --- goroutines --- */

struct awgo_goroutine {
	note cancel;
	aw_taskgroup *group;
	aw_future *awaited; /* a reference: what the step awaits until the goroutine ends */
	aw_error *error;
	uintptr_t value;
	int32_t status;
	int refs; /* Go's, and the coroutine's */
	bool finished, cancelled, begun, ending;
};

static void goroutine_drop(void *ud) {
	awgo_goroutine *self = ud;
	if (--self->refs) return;
	aw_future_unref(self->awaited);
	aw_error_unref(self->error);
	aw_taskgroup_unref(self->group);
	if (self->cancel.queued) {
		/* The note is the first member of this struct, and frees it. */
		self->cancel.once = true;
		return;
	}
	free(self);
}

/*
 * Suspends until the goroutine ends. A cancellation ends only what was awaited: the goroutine gets a cancel
 * request, and is still waited for.
 */
static aw_status goroutine_wait(awgo_goroutine *self, aw_resume *resume) {
	aw_status status = aw_resume_status(resume);
	if (status == AW_ECANCELLED) {
		self->cancelled = true;
		leave(&self->cancel);
	} else if (status < 0) {
		return status;
	}
	if (!self->awaited || aw_future_done(self->awaited)) {
		aw_future_unref(self->awaited);
		self->awaited = NULL;
		status = aw_future_new(self->cancel.owner->loop, &self->awaited);
		if (status < 0) return status;
	}
	return aw_resume_await(resume, self->awaited);
}

static aw_status goroutine_step(aw_resume *resume, void *ud) {
	awgo_goroutine *self = ud;
	if (!self->finished) return goroutine_wait(self, resume);
	if (self->error) return aw_resume_raise(resume, self->error);
	return self->status < 0 ? self->status : aw_resume_return(resume, (void *)self->value, NULL);
}

static awgo_goroutine *goroutine_new(awgo_loop *self, uint64_t id) {
	awgo_goroutine *made = calloc(1, sizeof *made);
	if (!made) return NULL;
	made->refs = 2;
	made->cancel = (note){.owner = self, .id = id, .kind = AWGO_CANCEL};
	return made;
}

int32_t awgo_goroutine_new(awgo_loop *self, uint64_t id, aw_coro **out_coro, awgo_goroutine **out) {
	awgo_goroutine *made = goroutine_new(self, id);
	if (!made) return -ENOMEM;
	int32_t status = aw_coro_new(self->loop, goroutine_step, made, goroutine_drop, out_coro);
	if (status < 0)
		free(made);
	else
		*out = made;
	return status;
}

void awgo_goroutine_end(awgo_goroutine *goroutine, int32_t status, aw_error *error, uintptr_t value) {
	goroutine->finished = true;
	goroutine->status = status;
	goroutine->error = aw_error_ref(error);
	goroutine->value = value;
	/* Refused if a cancellation has ended it: then there is nothing to report. */
	aw_status told = goroutine->awaited ? aw_future_set_result(goroutine->awaited, NULL, NULL) : 0;
	(void)told;
	goroutine_drop(goroutine);
}

/*
 * The body of a group is a Go function on its own goroutine; this task enters the group, waits for the body,
 * and exits the group.
 */
static aw_status parent_step(aw_resume *resume, void *ud) {
	awgo_goroutine *self = ud;
	if (!self->begun) {
		self->begun = true;
		aw_status status = aw_taskgroup_enter(self->group);
		if (status < 0) return status;
	}
	if (self->ending) {
		aw_status status = aw_resume_status(resume);
		if (status < 0 && aw_resume_error(resume)) return aw_resume_raise(resume, aw_resume_error(resume));
		return status < 0 ? status : aw_resume_return(resume, NULL, NULL);
	}
	if (!self->finished) return goroutine_wait(self, resume);
	self->ending = true;
	aw_coro *end = NULL;
	if (aw_resume_status(resume) == AW_ECANCELLED) self->cancelled = true;
	aw_status body = self->cancelled && self->status >= 0 ? AW_ECANCELLED : self->status;
	aw_status status = aw_taskgroup_exit_coro(self->group, body, self->error, &end);
	if (status < 0) return status;
	status = aw_resume_delegate(resume, end);
	aw_coro_unref(end);
	return status;
}

int32_t awgo_parent_new(awgo_loop *self, aw_taskgroup *group, uint64_t id, aw_task **out_task,
                        awgo_goroutine **out) {
	awgo_goroutine *made = goroutine_new(self, id);
	aw_coro *coro = NULL;
	if (!made) return -ENOMEM;
	int32_t status = aw_coro_new(self->loop, parent_step, made, goroutine_drop, &coro);
	if (status < 0) {
		free(made);
		return status;
	}
	made->group = aw_taskgroup_ref(group);
	status = aw_task_spawn_coro(self->loop, coro, out_task);
	aw_coro_unref(coro);
	/* Members may join once the group is entered. */
	while (status >= 0 && !made->begun) status = aw_loop_dispatch(self->loop);
	if (status == -EAGAIN || made->begun) status = 0;
	if (status < 0)
		goroutine_drop(made);
	else
		*out = made;
	return status;
}

/* --- values --- */

static void value_freed(void *ud) {
	awgoValueFreed((uintptr_t)ud);
}

int32_t awgo_error_new(aw_loop *loop, int32_t status, const char *message, uintptr_t value, aw_error **out) {
	return aw_error_new(loop, status, message, (void *)value, value ? value_freed : NULL, out);
}

int32_t awgo_queue_put(awgo_loop *self, aw_queue *queue, uintptr_t value, int32_t turn, int32_t *out_turned) {
	int32_t status = aw_queue_put_nowait(queue, (void *)value, value_freed);
	*out_turned = turn && status >= 0 ? awgo_turn(self, 0) : 0;
	return status;
}

int32_t awgo_queue_put_coro(aw_queue *queue, uintptr_t value, aw_coro **out) {
	return aw_queue_put_coro(queue, (void *)value, value_freed, out);
}

int32_t awgo_queue_get(awgo_loop *self, aw_queue *queue, int32_t turn, uintptr_t *out, int32_t *out_turned) {
	void *value = NULL;
	aw_destroy_fn destroy = NULL;
	int32_t status = aw_queue_get_nowait(queue, &value, &destroy);
	*out = (uintptr_t)value;
	*out_turned = turn && status >= 0 ? awgo_turn(self, 0) : 0;
	return status;
}

static int32_t compare(void *a, void *b, void *ud) {
	return awgoCompare((uintptr_t)a, (uintptr_t)b, (uintptr_t)ud);
}

int32_t awgo_queue_new_priority(aw_loop *loop, int64_t maxsize, uintptr_t value, aw_queue **out) {
	return aw_queue_new_priority(loop, maxsize, compare, (void *)value, value_freed, out);
}

int32_t awgo_set_result(aw_future *future, uintptr_t value) {
	return aw_future_set_result(future, (void *)value, NULL);
}

int32_t awgo_take_output(aw_process *process, int stream, uintptr_t *out, size_t *length) {
	const void *data = NULL;
	int32_t status = aw_process_output(process, stream, &data, length);
	if (status >= 0) *out = (uintptr_t)data;
	return status;
}
